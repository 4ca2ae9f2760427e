"""A clock for processes that tests start, which the tests set: Debian's libfaketime.

Only the time of day is set. Timeouts go by the monotonic clock, which can't be set.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

needs_clock = pytest.mark.skipif(
    LIBRARY is None and "CI" not in os.environ, reason="needs apt-get install libfaketime"
)
# Python sleeps by clock_nanosleep(), which fails in libfaketime 0.9.10 while the monotonic clock is
# left alone. Python imports this module before any other.
SITE = """
import select
import time

time.sleep = lambda seconds: select.select([], [], [], seconds)
"""


class Clock:
    """The clock of the processes that run with its `environ`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._site = folder / "site"
        self._site.mkdir()
        (self._site / "sitecustomize.py").write_text(SITE)
        self.set(0)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "PYTHONPATH": f"{self._site}{os.pathsep}{ROOT}",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, hours: float) -> None:
        """Set the clock to so many hours after, or before, the time that it is."""
        self._write(f"{hours * 3600:+.0f}")

    def stop(self, moment: str) -> None:
        """Have the clock show `moment`, such as 2026-11-20 12:00:00, until it is set again."""
        self._write(moment)

    def _write(self, setting: str) -> None:
        # Processes read the file whenever they look at the clock, so it is replaced as a whole.
        written = self._file.with_suffix(".new")
        written.write_text(setting)
        written.replace(self._file)
