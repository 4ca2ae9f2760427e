"""A logger for lines that clients can cause any number of times."""

import logging
import time
from collections import Counter

INTERVAL = 10.0
"""The seconds between two lines of the same kind."""


class SparingLog:
    """Writes one line of each kind per INTERVAL, with the number of omitted lines."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._next: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()

    def warning(self, message: str, *values: object) -> None:
        """Log `message`, which identifies its kind, formatted with `values`."""
        now = time.monotonic()
        if now < self._next.get(message, 0):
            self._left_out[message] += 1
            return
        self._next[message] = now + INTERVAL
        if again := self._left_out.pop(message, 0):
            message += f"; {again} times more in the last {INTERVAL:.0f} seconds"
        self._log.warning(message, *values)
