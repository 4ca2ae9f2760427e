"""Sliding windows: how much of a limit is used, and how much of that still counts.

The algorithm is the one that the library limits calls a sliding window counter. A client's window
begins with its first request. What was counted in the window before counts for as much of it as
still lies within the last period, so that what was used comes back evenly, and two numbers are
enough for any limit.
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

MOST_CLIENTS = 20_000
"""How many windows of one limit are kept in memory, about 5 MB: those that were used last. Who
comes with more addresses than that gets new windows for them, and would get as much by coming with
yet more addresses; the memory stays what it is."""


class Hit(NamedTuple):
    """One request, counted unless it was not `allowed`; `remaining`: how many more are."""

    allowed: bool
    remaining: int
    more_in: float
    """In how many seconds one more will be allowed."""

    @property
    def wait(self) -> int:
        """The same in whole seconds, as HTTP counts them."""
        return max(1, ceil(round(self.more_in, 6)))  # a float may be a trace too large


class Usage(NamedTuple):
    """How much of a limit is used: requests, and the seconds for which each number counts."""

    previous: int = 0
    previous_left: float = 0
    current: int = 0
    current_left: float = 0

    def used(self, limit: RateLimitItem) -> int:
        return floor(self.previous * self.previous_left / limit.get_expiry()) + self.current

    def hit(self, limit: RateLimitItem, *, allowed: bool) -> Hit:
        """The answer to a request that has been counted, if it was allowed."""
        period = limit.get_expiry()
        steps = [self.previous_left % (period / self.previous)] if self.previous else []
        steps += [self.current_left - period] if self.current else []
        return Hit(allowed, max(0, limit.amount - self.used(limit)), min(steps))


@dataclass(slots=True)
class Window:
    """Its beginning, by the clock, and the requests in it and in the one before."""

    beginning: float
    previous: int = 0
    current: int = 0

    def move(self, now: float, period: float) -> None:
        """On to the window that `now` is in."""
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

    Not limits' own MemoryStorage: that walks through all its keys on each request, for some
    strategies with a thread hop for each, and keeps as many as there come.
    """

    def __init__(
        self,
        limit: RateLimitItem,
        *,
        most: int = MOST_CLIENTS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._limit = limit
        self._period = limit.get_expiry()
        self._most = most
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._lock = Lock()  # plain WSGI servers have threads

    def hit(self, client: str) -> Hit:
        """Count a request of `client`, unless it is one too many."""
        now = self._clock()
        with self._lock:
            window = self._windows.setdefault(client, Window(now))
            self._windows.move_to_end(client)
            if len(self._windows) > self._most:
                self._windows.popitem(last=False)
            window.move(now, self._period)
            allowed = window.usage(now, self._period).used(self._limit) < self._limit.amount
            window.current += allowed
            return window.usage(now, self._period).hit(self._limit, allowed=allowed)

    def forget(self, client: str) -> None:
        """Let `client` begin anew."""
        with self._lock:
            self._windows.pop(client, None)

    def give_back(self, client: str) -> None:
        """Don't count a request of `client` after all."""
        with self._lock:
            window = self._windows.get(client)
            if window is not None and window.current > 0:
                window.current -= 1

    def __len__(self) -> int:
        return len(self._windows)
