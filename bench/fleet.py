"""Processes of the service behind one socket, which this one holds as systemd or Circus would."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent
PROCESSES = 2


class Process:
    """`python -m serving` on an inherited socket; ready once this has been made."""

    def __init__(self, listener: socket.socket, folder: Path, **environ: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "serving"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "LISTEN_FD": str(listener.fileno()),
                **environ,
            },
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        log = self._process.stderr
        assert log is not None
        self.pid = self._process.pid
        lines = []
        for line in log:
            lines.append(line)
            if "Running on" in line:
                break
        else:
            raise AssertionError(f"ended with {self._process.wait()}: {''.join(lines)}")
        # Nobody reading what it logs, a server stops once the pipe is full.
        self._reader = threading.Thread(target=deque, args=(log, 0))
        self._reader.start()

    def clients(self) -> set[int]:
        """The ports of those who are connected to this process.

        It is stopped first: it accepts nobody any more, and answers nobody.
        """
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)
        folder = Path(f"/proc/{self.pid}")
        links = " ".join(str(link.readlink()) for link in (folder / "fd").iterdir())
        inodes = set(re.findall(r"socket:\[(\d+)\]", links))
        rows = [line.split() for line in (folder / "net/tcp").read_text().splitlines()[1:]]
        return {int(row[2].partition(":")[2], 16) for row in rows if row[9] in inodes}

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait; the exit code."""
        self._process.send_signal(number)
        code = self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code


class Fleet:
    """Two processes on one SQLite file and one socket."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._folder = folder
        self._environ = environ
        self.port: int = self._listener.getsockname()[1]
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        self.processes = [self._process() for _ in range(PROCESSES)]
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self.processes:
            process.end(signal.SIGKILL)
        self._listener.close()

    async def restart_oldest(self, number: signal.Signals) -> int:
        """End the oldest process, then start another one; the exit code."""
        code = await asyncio.to_thread(self.processes.pop(0).end, number)
        self.processes.append(await asyncio.to_thread(self._process))
        return code

    def _process(self) -> Process:
        settings = {
            "DATABASE_URL": f"sqlite:///{self._folder}/items.db",
            "RATE_LIMIT": "off",
            **self._environ,
        }
        return Process(self._listener, self._folder, **settings)
