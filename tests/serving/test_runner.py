"""`python asgi.py`, as a process of its own."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.factory import PASSWORD
from tests.live import HUNG
from tests.log_lines import leaks_in
from tests.processes import environment
from tests.sign_in import EMAIL

BODY = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
JSON = {"Content-Type": "application/json"}


class Server:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        self.process = process
        self.log: IO[str] = process.stderr
        self.port = 0

    def wait_until_it_listens(self) -> str:
        for line in self.log:
            if found := re.search(r"Running on (https?://127\.0\.0\.1:(\d+))", line):
                self.port = int(found[2])
                return found[1]
        raise AssertionError("it has ended")

    def wait_until_it_refuses(self) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                with contextlib.suppress(ConnectionResetError):  # established as it closes
                    socket.create_connection(("127.0.0.1", self.port), HUNG).close()

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it has written since it listens."""
        _, errors = self.process.communicate(timeout=HUNG)
        assert leaks_in(errors.splitlines()) == []
        return self.process.returncode, errors


@contextlib.contextmanager
def running(
    folder: Path,
    module: tuple[str, ...] = ("asgi",),
    listener: socket.socket | None = None,
    *,
    wrapper: Sequence[str] = (),
    **environ: str,
) -> Iterator[Server]:
    """`listener`: what the process listens on, in place of a socket of its own. `wrapper`: the
    command that runs Python."""
    if listener is not None:
        environ["LISTEN_FD"] = str(listener.fileno())
    with subprocess.Popen(
        [*wrapper, sys.executable, "-m", *module],
        cwd=folder,
        env=environment(**{"PORT": "0", "SHUTDOWN_GRACE": str(HUNG), **environ}),
        pass_fds=[] if listener is None else [listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_once_the_requests_in_flight_are_answered(
    tmp_path: Path, signal_number: int
) -> None:
    with running(tmp_path) as server:
        address = server.wait_until_it_listens()
        assert httpx.get(f"{address}/api/health").json()["status"] == "ok"
        with socket.create_connection(("127.0.0.1", server.port), HUNG) as client:
            client.sendall(
                b"POST /api/auth/register HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\n"
                b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(BODY)
            )
            answer = client.makefile("rb")
            assert answer.readline().startswith(b"HTTP/1.1 100")  # so it is in flight
            while answer.readline() != b"\r\n":
                pass
            server.process.send_signal(signal_number)
            server.wait_until_it_refuses()
            client.sendall(BODY)
            rest = answer.read()
            assert rest.startswith(b"HTTP/1.1 201")
            assert json.loads(rest.partition(b"\r\n\r\n")[2])["email"] == EMAIL
        code, errors = server.end()
        assert code == 0
        assert "Traceback" not in errors
    assert (tmp_path / "data/api.db").exists()


def wait_until_it_is_not_ready(client: httpx.Client) -> httpx.Response:
    while (response := client.get("/api/ready")).status_code == 200:
        pass
    return response


def test_says_that_it_stops_before_it_does_and_a_second_signal_ends_it_at_once(
    tmp_path: Path,
) -> None:
    with running(tmp_path, SHUTDOWN_DELAY=str(HUNG)) as server:
        address = server.wait_until_it_listens()
        with httpx.Client(base_url=address) as client:
            assert client.get("/api/ready").status_code == 200
            server.process.terminate()
            ready = wait_until_it_is_not_ready(client)
            assert (ready.status_code, ready.headers["Retry-After"]) == (503, "1")
            assert ready.json()["type"] == "/errors/not-ready"
            assert ready.json()["checks"] == {
                "database": "ok",
                "migrations": "ok",
                "server": "stopping",
            }
            # Everything else continues, including for new connections.
            registered = client.post("/api/auth/register", content=BODY, headers=JSON)
            assert registered.status_code == 201
            answer = httpx.get(f"{address}/api/health")
            assert (answer.status_code, answer.headers.get("Connection")) == (200, None)
            server.process.terminate()
            assert server.end()[0] == 128 + signal.SIGTERM


def test_a_request_that_never_ends_does_not_keep_it(tmp_path: Path) -> None:
    with running(tmp_path, SHUTDOWN_GRACE="0") as server:
        server.wait_until_it_listens()
        with socket.create_connection(("127.0.0.1", server.port), HUNG) as client:
            client.sendall(
                b"POST /api/auth/register HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\n"
                b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            )
            assert client.recv(1000).startswith(b"HTTP/1.1 100")
            client.sendall(b'{"name":')
            server.process.terminate()
            code, log = server.end()
            assert (client.recv(1000), code) == (b"", 0)
    assert "cut off after 0 seconds: 1 connections" in log
    assert "Traceback" not in log
    # It was closed properly, and so left nothing beside the file.
    assert not (tmp_path / "data/api.db-wal").exists()


def test_responses_do_not_name_the_server(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        response = httpx.get(f"{server.wait_until_it_listens()}/api/health")
        assert "Server" not in response.headers
        server.process.terminate()
        assert server.end()[0] == 0


@pytest.mark.parametrize("abstract", [False, True])
def test_tells_systemd_that_it_is_ready_and_that_it_stops(tmp_path: Path, abstract: bool) -> None:
    path = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path.replace("@", "\0"))
        with running(tmp_path, NOTIFY_SOCKET=path) as server:
            assert manager.recv(100) == b"READY=1"
            assert httpx.get(f"{server.wait_until_it_listens()}/api/ready").status_code == 200
            server.process.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert server.end()[0] == 0


def test_tells_systemd_again_and_again_that_it_is_not_stuck(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        with running(tmp_path, NOTIFY_SOCKET=path, WATCHDOG_USEC="100000") as server:
            told = [manager.recv(100) for _ in range(4)]
            assert told == [b"READY=1", *[b"WATCHDOG=1"] * 3]
            server.wait_until_it_listens()
            server.process.terminate()
            while manager.recv(100) != b"STOPPING=1":
                pass
            assert server.end()[0] == 0


def test_runs_if_the_notify_socket_does_not_exist(tmp_path: Path) -> None:
    with running(tmp_path, NOTIFY_SOCKET=str(tmp_path / "nobody")) as server:
        server.wait_until_it_listens()
        server.process.terminate()
        code, log = server.end()
    assert code == 0
    assert f"cannot send STOPPING=1 to {tmp_path}/nobody: No such file or directory" in log
