"""Sliding windows: how much of a limit is used, and for how long it counts.

The algorithm is the one that the limits package calls a sliding window counter. A client's window
begins with its first request. The count of the previous window is weighted by the part of it that
still lies within the last period. So used requests become available again evenly, and two numbers
are enough for any limit.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from threading import Lock
from typing import NamedTuple

from limits import RateLimitItem

Clock = Callable[[], float]

MAX_CLIENTS = 20_000
"""The number of windows of one limit that are kept in memory, about 5 MB: the most recently used. A
client with more addresses gets new windows for them, as it would with new addresses; but the memory
stays limited."""


class Hit(NamedTuple):
    """One request, counted if it was `allowed`; `remaining`: how many more are allowed."""

    allowed: bool
    remaining: int
    more_in: float
    """The seconds until one more request is allowed."""

    @property
    def wait(self) -> int:
        """`more_in` in whole seconds, as HTTP headers have them."""
        return max(1, ceil(round(self.more_in, 6)))  # rounding errors must not add a second


@dataclass(slots=True)
class Usage:
    """The used part of a limit: numbers of requests, and the seconds for which each counts."""

    previous: int = 0
    previous_left: float = 0
    current: int = 0
    current_left: float = 0

    def used(self, limit: RateLimitItem) -> int:
        return floor(self.previous * self.previous_left / limit.get_expiry()) + self.current

    def hit(self, limit: RateLimitItem, *, allowed: bool) -> Hit:
        """Return the result for a request that has been counted if it was allowed."""
        period = limit.get_expiry()
        steps = [self.previous_left % (period / self.previous)] if self.previous else []
        steps += [self.current_left - period] if self.current else []
        return Hit(allowed, max(0, limit.amount - self.used(limit)), min(steps))


@dataclass(slots=True)
class Window:
    """The beginning of a window, by the clock, and the requests in it and in the previous one."""

    beginning: float
    previous: int = 0
    current: int = 0

    def move(self, now: float, period: float) -> None:
        """Move on to the window that contains `now`."""
        passed = now - self.beginning
        if passed >= 2 * period:
            self.beginning, self.previous, self.current = now, 0, 0
        elif passed >= period:
            self.beginning += period
            self.previous, self.current = self.current, 0

    def usage(self, now: float, period: float) -> Usage:
        left = self.beginning + period - now
        return Usage(self.previous, left, self.current, left + period)


class MemoryWindows:
    """The windows of one limit in this process.

    limits' own MemoryStorage is not used: it traverses all its keys on each request, with a thread
    hop for some strategies, and its size is not limited.
    """

    def __init__(
        self,
        limit: RateLimitItem,
        *,
        most: int = MAX_CLIENTS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._limit = limit
        self._period = limit.get_expiry()
        self._most = most
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._lock = Lock()  # plain WSGI servers have threads

    def hit(self, client: str) -> Hit:
        """Count a request of `client` if the limit allows it."""
        now = self._clock()
        with self._lock:
            window = self._windows.setdefault(client, Window(now))
            self._windows.move_to_end(client)
            if len(self._windows) > self._most:
                self._windows.popitem(last=False)
            window.move(now, self._period)
            usage = window.usage(now, self._period)
            allowed = usage.used(self._limit) < self._limit.amount
            window.current = usage.current = usage.current + allowed
            return usage.hit(self._limit, allowed=allowed)

    def forget(self, client: str) -> None:
        with self._lock:
            self._windows.pop(client, None)

    def give_back(self, client: str) -> None:
        with self._lock:
            window = self._windows.get(client)
            if window is not None and window.current > 0:
                window.current -= 1

    def __len__(self) -> int:
        return len(self._windows)
