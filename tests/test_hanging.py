"""A test that hangs fails by its name, and the tests after it run."""

import re
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT

TESTS = """
import asyncio
import ctypes
import threading

import greenlet


async def test_hangs_in_a_coroutine():
    await asyncio.Event().wait()


def test_hangs_in_a_greenlet():
    greenlet.greenlet(threading.Event().wait).switch()


def test_hangs_until_a_thread_ends():
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    thread.join()


def test_hangs_in_c():
    # A lock of C that is taken twice: no signal interrupts it, and Python's own lock is held.
    lock = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.PyDLL(None).pthread_mutex_lock(lock)


def test_follows():
    pass
"""


def test_a_test_that_hangs_ends_alone(tmp_path: Path) -> None:
    [distribution] = re.findall(r"--dist \w+", (ROOT / "Makefile").read_text())
    (tmp_path / "test_sample.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-rA"]
    options = ["--numprocesses=1", *distribution.split(), "-p", "no:cacheprovider"]
    patience = ["--timeout=1", "-o", "faulthandler_timeout=3"]
    done = subprocess.run(
        [*command, *options, *patience, f"--rootdir={tmp_path}", "test_sample.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    outcomes = re.findall(r"^(PASSED|FAILED) \S*test_sample.py::(\w+)", done.stdout, re.MULTILINE)
    assert sorted(outcomes) == [
        ("FAILED", "test_hangs_in_a_coroutine"),
        ("FAILED", "test_hangs_in_a_greenlet"),
        ("FAILED", "test_hangs_in_c"),
        ("FAILED", "test_hangs_until_a_thread_ends"),
        ("PASSED", "test_follows"),
    ], done.stdout
    # Three were interrupted, and their process went on; the fourth ended with its process.
    crashed = re.findall(r"worker 'gw\d' crashed while running '\S*::(\w+)'", done.stdout)
    assert set(crashed) == {"test_hangs_in_c"}, done.stdout
