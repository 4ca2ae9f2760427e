"""The machine: its cores, how fast it makes a write durable, and whether it is busy."""

import contextlib
import os
import platform
import re
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

BUSY = 0.5
"""A load average above this, before anything is started, makes figures unreliable."""


class MissingTool(SystemExit):
    """A required tool is missing; the message says what to install."""


def require_wrk() -> None:
    """Find a program. Raises MissingTool."""
    if shutil.which("wrk") is None:
        raise MissingTool("wrk is missing, which makes the load: apt-get install wrk")


def allow_many_connections() -> None:
    """Raise the limit of open files for this process and its children: each of 1,000 clients needs
    one file at both ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True)
class Cores:
    """The cores: one for the measured server, the others for the load and the databases."""

    server: set[int]
    load: set[int]

    @classmethod
    def parted(cls) -> Self:
        """Move this process and its children off the server's core. Raises MissingTool."""
        if not hasattr(os, "sched_setaffinity"):
            raise MissingTool("Only on Linux can a process be kept to a core.")
        first, *others = sorted(os.sched_getaffinity(0))
        if not others:
            raise MissingTool("One core is not enough: server and load need one each.")
        os.sched_setaffinity(0, others)
        return cls({first}, set(others))

    @contextlib.contextmanager
    def of_server(self) -> Iterator[None]:
        """Run processes that are started within on the server's core."""
        os.sched_setaffinity(0, self.server)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.load)


def fsync_microseconds() -> float:
    """Return the time to make a page of a file durable, which limits consecutive commits."""
    with tempfile.TemporaryFile() as file:
        taken = []
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1e6


def described() -> list[str]:
    """Describe the machine in sentences; the last one warns if it was busy."""
    cpu = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    model = cpu[1] if cpu else platform.machine()
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    load, _, _ = os.getloadavg()
    sentences = [
        f"{os.cpu_count()} cores ({model}), Python {python}, SQLite {sqlite}.",
        f"An fsync of 4 KiB took {fsync_microseconds():.0f} µs.",
    ]
    if load > BUSY:
        unreliable = f"The machine was busy before it began (load average {load:.1f})"
        sentences.append(f"**{unreliable}: these figures can't be relied on.**")
    return sentences
