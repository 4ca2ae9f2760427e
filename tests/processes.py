"""Servers as processes of their own."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.factory import UNLIMITED
from tests.log_lines import leaks_in

ROOT = Path(__file__).parent.parent


def environment(**environ: str) -> dict[str, str]:
    """This process's environment, in which our packages are found from any directory, and no rate
    limit is met."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **UNLIMITED, **environ}


def run(folder: Path, *module: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python -m module …` in `folder`, until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        env=environment(**environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def unmeasured() -> dict[str, str]:
    """This process's environment, without what measures coverage in its children: for commands that
    run none of our code, which that would only slow down."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def started(folder: Path, *module: str, **environ: str) -> contextlib.AbstractContextManager[str]:
    """`python -m module …` as command_started() runs it."""
    return command_started(folder, sys.executable, "-m", *module, **environ)


@contextlib.contextmanager
def command_started(folder: Path, *command: str, **environ: str) -> Iterator[str]:
    """Run `command` in `folder` until it says where it listens; give that address.

    Fails if it logs a secret.
    """
    leaks: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        # A server drops the lines that nothing reads.
        rest = (line for line in process.stdout if leaks_in([line]))
        reader = threading.Thread(target=leaks.extend, args=(rest,))
        try:
            yield _address(process.stdout, reader)
        finally:
            process.terminate()
            reader.join()
    assert not leaks, leaks


def _address(log: IO[str], reader: threading.Thread) -> str:
    lines = []
    for line in log:
        lines.append(line)
        if found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", line):
            reader.start()
            return found[0]
    reader.start()
    raise AssertionError("".join(lines))
