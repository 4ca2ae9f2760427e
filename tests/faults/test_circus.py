"""`make serve PROCESSES=2`: two processes behind one socket, looked after by Circus."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

import httpx
import pytest

from tests.factory import SECRET_KEY
from tests.live import HUNG
from tests.processes import ROOT, environment

needs_setpriv = pytest.mark.skipif(
    subprocess.run(
        ["sh", "-c", "setpriv --pdeathsig PWR true"], capture_output=True, check=False
    ).returncode
    != 0,
    reason="needs setpriv of util-linux",
)


class Circus:
    """`folder`: where it was started, and where its data are."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, port: int) -> None:
        assert process.stderr is not None
        self.address = f"http://127.0.0.1:{port}"
        self.port = port
        self.process = process
        self.seen = ""
        self.folder = folder
        self._endpoint = f"ipc://data/circus-{port}"
        self._lines = SimpleQueue[str]()
        self._reader = Thread(target=self._read, args=[process.stderr], daemon=True)
        self._reader.start()

    def _read(self, log: IO[str]) -> None:
        for line in log:
            self._lines.put(line)

    def wait_for(self, text: str, *, times: int = 1, patience: float = HUNG) -> None:
        """Read on in the log until `text` has come. Raises Empty if nothing more comes."""
        for _ in range(times):
            line = ""
            while text not in line:
                try:
                    line = self._lines.get(timeout=patience)
                except Empty as error:
                    error.add_note(self.seen)
                    raise
                self.seen += line

    def command(self, *words: str) -> str:
        circusctl = str(Path(sys.executable).with_name("circusctl"))
        options = ["--timeout", str(HUNG), "--endpoint", self._endpoint]
        told = subprocess.check_output([circusctl, *options, *words], cwd=self.folder, text=True)
        return told.strip()

    def processes(self) -> set[int]:
        return {int(pid) for pid in self.command("list", "items-api").split(",")}

    def interrupt(self) -> None:
        """What Ctrl-C does: a signal to whoever runs in the foreground, until the first process
        stops. Circus forgets those that come as it starts one, and in the second afterwards."""
        for _ in range(HUNG):
            if self.process.poll() is not None:
                return
            with contextlib.suppress(Empty, ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGINT)
                self.wait_for("stopping, in 0 seconds", patience=1)
                return

    def wait(self) -> None:
        """Until it has ended, by itself or not."""
        try:
            self.process.wait(HUNG)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self._reader.join()


def copied(folder: Path) -> Path:
    """A copy of the project as far as make sees it, so that the data are elsewhere."""
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("Makefile", "asgi.py", "deploy", "requirements"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@contextlib.contextmanager
def serving(folder: Path, processes: int) -> Iterator[Circus]:
    copied(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["make", "serve", f"PROCESSES={processes}", f"PORT={port}"],
        cwd=folder,
        env=environment(SECRET_KEY=SECRET_KEY, SHUTDOWN_GRACE=str(HUNG), BODY_TIMEOUT=str(HUNG)),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        circus = Circus(process, folder, port)
        try:
            circus.wait_for("Running on", times=processes)
            yield circus
        finally:
            circus.interrupt()
            circus.wait()


@pytest.fixture(scope="module")
def circus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circus]:
    """One for all tests that leave two processes running."""
    with serving(tmp_path_factory.mktemp("circus"), 2) as circus:
        yield circus


def sent_around(stop: Callable[[], None], address: str) -> httpx.Response:
    """Call `stop` between the head of a request and its body, and return the response."""

    def body() -> Iterator[bytes]:
        stop()
        yield b"grant_type=nothing"

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return httpx.post(f"{address}/api/auth/token", content=body(), headers=form)


def test_one_of_the_processes_migrates_and_both_serve(circus: Circus) -> None:
    assert circus.seen.count("migrated the database") == 1
    assert len(circus.processes()) == 2
    for _ in range(20):
        assert httpx.get(f"{circus.address}/api/ready").status_code == 200


def test_a_killed_process_is_replaced_and_the_others_serve_meanwhile(circus: Circus) -> None:
    before = circus.processes()
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    assert httpx.get(f"{circus.address}/api/health").status_code == 200
    circus.wait_for("Running on")
    after = circus.processes()
    assert (len(after), len(after - before), killed in after) == (2, 1, False)


def test_a_restart_replaces_one_after_the_other(circus: Circus) -> None:
    before = circus.processes()
    assert circus.command("reload", "items-api", "--sequential", "--waiting") == "ok"
    circus.wait_for("Running on", times=2)
    assert len(circus.processes()) == 2
    assert not circus.processes() & before
    assert httpx.get(f"{circus.address}/api/ready").status_code == 200


def test_no_other_user_can_give_it_commands(circus: Circus) -> None:
    endpoints = list((circus.folder / "data").glob("circus-*"))
    assert endpoints
    for path in endpoints:
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_interrupt_ends_each_process_in_its_own_time(tmp_path: Path) -> None:
    """A second signal from the terminal would cut off what they are doing."""
    with serving(tmp_path, 2) as circus:

        def stop() -> None:
            circus.interrupt()
            circus.wait_for("stopping, in 0 seconds")

        response = sent_around(stop, circus.address)
        assert (response.status_code, response.headers["Connection"]) == (400, "close")
        circus.wait()
        with pytest.raises(httpx.ConnectError):
            httpx.get(circus.address)


def test_a_port_that_is_taken_stops_it_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            ["make", "serve", "PROCESSES=2", f"PORT={port}"],
            cwd=copied(tmp_path),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=HUNG,
        )
    line, of_make = ended.stderr.splitlines()
    assert line == f"cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert ended.returncode == 2
    assert re.match(r"make(\[1\])?: \*\*\*", of_make)  # [1] under another make, as `make test`


@needs_setpriv
def test_processes_end_in_their_own_time_when_circus_is_killed(tmp_path: Path) -> None:
    """They would keep the port, and nothing would look after them."""
    with serving(tmp_path, 2) as circus:

        def stop() -> None:
            make = circus.process.pid
            [circusd] = Path(f"/proc/{make}/task/{make}/children").read_text().split()
            os.kill(int(circusd), signal.SIGKILL)
            circus.wait_for("stopping, in 0 seconds", times=2)

        response = sent_around(stop, circus.address)
        assert (response.status_code, response.headers["Connection"]) == (400, "close")
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", circus.port), HUNG).close()
        circus.process.wait(HUNG)
