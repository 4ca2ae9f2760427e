"""Log lines that clients can cause as often as they like."""

import logging
import time
from collections import Counter

INTERVAL = 10.0
"""Seconds between two lines of the same kind."""


class SparingLog:
    """Writes a line of each kind once in INTERVAL, with the number of those left out."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._next: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()

    def warning(self, message: str, *values: object) -> None:
        """Log `message`, which names its kind, with `values` in it."""
        now = time.monotonic()
        if now < self._next.get(message, 0):
            self._left_out[message] += 1
            return
        self._next[message] = now + INTERVAL
        if again := self._left_out.pop(message, 0):
            message += f"; {again} times more in the last {INTERVAL:.0f} seconds"
        self._log.warning(message, *values)
