"""How `python asgi.py` starts, or says in one line why it can't."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from serving.runner import IGNORED
from tests.factory import SECRET_KEY
from tests.live import HUNG
from tests.processes import environment
from tests.serving.test_runner import Server, running
from tests.sqlite import migrated_database


def last_line(
    folder: Path,
    *module: str,
    listener: socket.socket | None = None,
    wrapper: Sequence[str] = (),
    **environ: str,
) -> str:
    """What a start that fails says; checks that it says it in one line at the end."""
    with running(folder, module or ("asgi",), listener, wrapper=wrapper, **environ) as server:
        code, errors = server.end()
    assert code == 1
    assert "Traceback" not in errors
    lines = errors.splitlines()
    assert not any("error" in line for line in lines[:-1])
    return lines[-1]


def test_a_port_that_is_taken_stops_it_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        line = last_line(tmp_path, PORT=port)
    assert line == f"cannot listen on 127.0.0.1 port {port}: Address already in use"


def without_privileges(*command: str) -> list[str]:
    """`command` such that the modes of files count for root too."""
    privileges = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", privileges, *command] if os.geteuid() == 0 else [*command]


def test_a_secret_key_that_may_not_be_read_stops_it_in_one_line(tmp_path: Path) -> None:
    key = tmp_path / "data" / "secret_key"
    key.parent.mkdir()
    key.write_text(SECRET_KEY)
    key.chmod(0)
    ended = subprocess.run(
        without_privileges(sys.executable, "-m", "asgi"),
        cwd=tmp_path,
        env=environment(PORT="0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNG,
    )
    expected = "data/secret_key can't be used: Permission denied"
    assert (ended.returncode, ended.stderr.splitlines()) == (1, [expected])


# A shell that starts the tests in the background has them ignore SIGINT.
HEEDING_SIGINT = (
    sys.executable,
    "-c",
    (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execvp(sys.argv[1], sys.argv[1:])"
    ),
)


def assert_only_sigint_ends(server: Server) -> None:
    for number in (*IGNORED, signal.SIGINT):
        server.process.send_signal(number)
    code, rest = server.end()
    assert (code, rest) == (-signal.SIGINT, "")


def test_sigint_ends_a_start_that_reads_its_settings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with (
        running(tmp_path, wrapper=HEEDING_SIGINT) as server,
        (tmp_path / ".env").open("w"),
    ):  # both have opened it
        assert_only_sigint_ends(server)


def test_sigint_ends_a_start_whose_migration_waits(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "data/api.db")) as other:
        other.executescript("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; CREATE TABLE x (y);")
        with running(tmp_path, wrapper=HEEDING_SIGINT) as server:
            while "a migration waits for" not in server.log.readline():
                assert server.process.poll() is None
            assert_only_sigint_ends(server)


@pytest.mark.parametrize("fault", ["chmod 0 .", "touch counter_$$.db; chmod 0 counter_$$.db"])
def test_it_serves_where_its_metrics_may_not_be_read(tmp_path: Path, fault: str) -> None:
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    script = f'cd metrics; {fault}; cd "$OLDPWD"; exec "$@"'
    wrapper = without_privileges("sh", "-c", script, "sh")
    with running(tmp_path, wrapper=wrapper, PROMETHEUS_MULTIPROC_DIR=str(metrics)) as server:
        lines: list[str] = []
        while "Running on" not in "".join(lines):
            lines.append(server.log.readline())
            assert lines[-1], "".join(lines)
        [address] = re.findall(r"http://127\.0\.0\.1:\d+", lines[-1])
        assert httpx.get(f"{address}/api/gizmos").status_code == 404
        assert httpx.get(f"{address}/metrics").status_code == 200
        server.process.terminate()
        code, rest = server.end()
    metrics.chmod(0o700)
    text = "".join(lines) + rest
    assert (code, text.count("metrics_incomplete"), "Traceback" in text) == (0, 1, False)
    assert [file.name for file in metrics.glob("counter_*")] == [
        f"counter_{server.process.pid}.db" for _ in range("touch" in fault)
    ]


def test_closed_standard_error_stops_it_in_one_line_on_standard_output(tmp_path: Path) -> None:
    """Its descriptor would become that of the next file, and the log would be written there."""
    ended = subprocess.run(
        ["sh", "-c", '"$0" -m asgi 2>&-', sys.executable],
        cwd=tmp_path,
        env=environment(PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=HUNG,
    )
    expected = "standard error is closed: redirect it to a file, or to /dev/null\n"
    assert (ended.returncode, ended.stdout) == (1, expected)


# Without `--workers 0` a second process prints the same, but Hypercorn's exit code is 0.
STARTS = pytest.mark.parametrize(
    "module",
    [("asgi",), ("hypercorn", "--workers", "0", "-b", "127.0.0.1:0", "asgi:app")],
    ids=["asgi", "hypercorn"],
)


@STARTS
def test_a_bad_setting_stops_it_in_one_line(tmp_path: Path, module: tuple[str, ...]) -> None:
    assert last_line(tmp_path, *module, PORT="http") == "PORT=http is not allowed: 0 to 65535"


@STARTS
def test_a_database_of_a_later_version_stops_it_in_one_line(
    tmp_path: Path, module: tuple[str, ...]
) -> None:
    (tmp_path / "data").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "data/api.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    line = last_line(tmp_path, *module)
    assert line.startswith("The database is at revision 9999, which this version doesn't know")


def test_a_database_that_is_none_stops_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/api.db").write_text("x" * 4096)
    assert last_line(tmp_path) == "data/api.db: file is not a database"


def test_a_database_in_a_folder_that_is_read_only_stops_it_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    migrated_database(folder)
    folder.chmod(0o500)
    line = last_line(tmp_path, wrapper=without_privileges(), SECRET_KEY=SECRET_KEY)
    folder.chmod(0o700)
    assert line.startswith("data/api.db: ")


def test_a_database_that_is_behind_stops_it_in_one_line(tmp_path: Path) -> None:
    line = last_line(tmp_path, AUTO_MIGRATE="false")
    assert line.startswith("The database is at revision none, this version needs ")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_takes_the_socket_that_a_supervisor_hands_over(
    tmp_path: Path, family: socket.AddressFamily
) -> None:
    """A connection that was opened while no process was running is answered too."""
    with socket.socket(family) as listener:
        listener.bind(str(tmp_path / "socket") if family == socket.AF_UNIX else ("127.0.0.1", 0))
        listener.listen()
        with socket.socket(family) as client:
            client.connect(listener.getsockname())
            client.sendall(
                b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            with running(tmp_path, listener=listener) as server:
                answer = client.makefile("rb").read()
                assert answer.startswith(b"HTTP/1.1 200")
                server.process.terminate()
                code, log = server.end()
    assert code == 0
    assert "Running on unix:" in log or family == socket.AF_INET


def test_a_descriptor_that_is_no_listening_socket_stops_it_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        line = last_line(tmp_path, listener=deaf)
        assert line == f"descriptor {deaf.fileno()} is not a listening socket"
    line = last_line(tmp_path, LISTEN_FD="2")
    assert line == "descriptor 2 is not a socket: Socket operation on non-socket"


def test_listens_on_ipv6_too(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with running(tmp_path, HOST="::1") as server:
        ports = (re.search(r"Running on http://.*::1.*:(\d+)", line) for line in server.log)
        port = next(found[1] for found in ports if found)
        assert httpx.get(f"http://[::1]:{port}/api/health").status_code == 200
        server.process.terminate()
        assert server.end()[0] == 0
