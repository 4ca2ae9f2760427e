"""Processes of the service: on one socket, which this process holds as systemd or Circus would, or
each on its own port, as on several machines."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent
PROCESSES = 2


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


class Process:
    """`python asgi.py` on `port`, or on an inherited socket there; the constructor waits until
    it is ready."""

    def __init__(
        self, folder: Path, port: int, listener: socket.socket | None, **environ: str
    ) -> None:
        inherited = [] if listener is None else [listener.fileno()]
        self.port = port
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.asgi"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PORT": str(port),
                "LISTEN_FD": "".join(map(str, inherited)),
                **environ,
            },
            pass_fds=inherited,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self._reader = read_until(self._process, "Running on")

    def clients(self) -> set[int]:
        """Return the ports of the clients that are connected to this process.

        The process is stopped first, so that it accepts and answers nothing any more.
        """
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)
        folder = Path(f"/proc/{self.pid}")
        links = " ".join(str(link.readlink()) for link in (folder / "fd").iterdir())
        inodes = set(re.findall(r"socket:\[(\d+)\]", links))
        rows = [line.split() for line in (folder / "net/tcp").read_text().splitlines()[1:]]
        return {int(row[2].partition(":")[2], 16) for row in rows if row[9] in inodes}

    def end(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        return end(self._process, self._reader, number)


def read_until(process: "subprocess.Popen[str]", words: str) -> threading.Thread:
    """Wait until `process` logs `words`; return the thread that reads the rest of the log, because
    the process would block once the pipe is full."""
    log = process.stderr
    assert log is not None
    lines = []
    for line in log:
        lines.append(line)
        if words in line:
            reader = threading.Thread(target=deque, args=(log, 0))
            reader.start()
            return reader
    raise AssertionError(f"ended with {process.wait()}: {''.join(lines)}")


def end(process: "subprocess.Popen[str]", reader: threading.Thread, number: signal.Signals) -> int:
    """Send a signal, wait for the end, and return the exit code."""
    process.send_signal(number)
    code = process.wait()
    reader.join()
    if process.stderr is not None:
        process.stderr.close()
    return code


class Fleet:
    """Two processes on one SQLite file: on one socket or, if `apart`, on a port each."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str] | None = None, *, apart: bool = False
    ) -> None:
        self._listener = None if apart else socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._folder = folder
        self._environ = environ or {}
        if self._listener is None:
            self.ports = [free_port() for _ in range(PROCESSES)]
        else:
            self.ports = [self._listener.getsockname()[1]] * PROCESSES
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        self.processes = [self._process(port) for port in self.ports]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.end(signal.SIGKILL)
        if self._listener is not None:
            self._listener.close()

    async def restart_oldest(self, number: signal.Signals) -> int:
        """End the oldest process and start another one in its place; return the exit code."""
        oldest = self.processes.pop(0)
        code = await asyncio.to_thread(oldest.end, number)
        self.processes.append(await asyncio.to_thread(self._process, oldest.port))
        return code

    def _process(self, port: int) -> Process:
        settings = {
            "DATABASE_URL": f"sqlite:///{self._folder}/api.db",
            "RATE_LIMIT": "off",
            **self._environ,
        }
        return Process(self._folder, port, self._listener, **settings)
