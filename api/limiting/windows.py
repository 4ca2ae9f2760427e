"""Named limits, counted in sliding windows: in Redis, or in this process.

The algorithm is limits' sliding window counter: the count of the previous window is weighted by the
part of it that still lies within the last period (docs/rate-limits.md).
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, floor
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from limits import RateLimitItem, parse

from api.limiting.errors import RateLimited, RedisUnavailable
from api.observability.request_log import current_record
from openapi.headers import RATE_LIMIT, RATE_LIMIT_POLICY

if TYPE_CHECKING:
    from api.limiting.redis_windows import SharedWindows

Clock = Callable[[], float]

MAX_CLIENTS = 20_000
"""The windows of one limit that are kept in memory, about 5 MB: the most recently used."""


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


def used(limit: RateLimitItem, previous: int, current: int, left: float) -> int:
    """Return how much of `limit` is used by the requests of the previous and the current window, if
    the current one lasts `left` more seconds."""
    return floor(previous * left / limit.get_expiry()) + current


def hit_of(limit: RateLimitItem, previous: int, current: int, left: float, *, allowed: bool) -> Hit:
    """Return the result for a request that has been counted if it was allowed; as `used`."""
    steps = [left % (limit.get_expiry() / previous)] if previous else []
    steps += [left] if current else []
    return Hit(allowed, max(0, limit.amount - used(limit, previous, current, left)), min(steps))


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


class MemoryWindows:
    """The windows of one limit in this process; docs/dependencies.md says why not limits' own."""

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
            previous, left = window.previous, window.beginning + self._period - now
            allowed = used(self._limit, previous, window.current, left) < self._limit.amount
            window.current += allowed
            return hit_of(self._limit, previous, window.current, left, allowed=allowed)

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


class Policy:
    """Counts the requests of clients against a rate, by the name that clients and the log show.

    `shared`: the windows in Redis, if it is configured. `fails_closed`: requests are refused while
    Redis can't be used. Otherwise each process counts alone then. `announced`: responses have the
    headers of the limit.
    """

    def __init__(
        self,
        name: str,
        rate: RateLimitItem | str,
        clock: Clock,
        shared: "SharedWindows | None",
        *,
        fails_closed: bool = True,
        announced: bool = False,
    ) -> None:
        self._name = name
        self._rate = parse(rate) if isinstance(rate, str) else rate
        self._shared = shared
        self._fails_closed = fails_closed
        self._announced = announced
        self._windows = MemoryWindows(self._rate, clock=clock)
        self._header = f'"{name}";q={self._rate.amount};w={self._rate.get_expiry()}'

    async def hit(self, client: str) -> Hit:
        """Count a request if the limit allows it. Raises RedisUnavailable."""
        if self._shared is not None:
            try:
                return await self._shared.hit(self._rate, self._name, client)
            except RedisUnavailable:
                if self._fails_closed:
                    raise
        return self._windows.hit(client)

    async def admit(self, client: str) -> None:
        """Like `hit`, but raise RateLimited if the limit doesn't allow the request."""
        hit = await self.hit(client)
        record = current_record()
        if self._announced:
            record.headers[RATE_LIMIT.name] = f'"{self._name}";r={hit.remaining};t={hit.wait}'
            record.headers[RATE_LIMIT_POLICY.name] = self._header
        if not hit.allowed:
            record.refused_by = self._name
            raise RateLimited(hit.wait)

    async def give_back(self, client: str) -> None:
        self._windows.give_back(client)
        if self._shared is not None:
            # If it can't be uncounted, the count expires with the window.
            with suppress(RedisUnavailable):
                await self._shared.give_back(self._rate, self._name, client)

    async def forget(self, client: str) -> None:
        self._windows.forget(client)
        if self._shared is not None:
            with suppress(RedisUnavailable):
                await self._shared.forget(self._rate, self._name, client)
