"""Named limits, and counting in Redis or in this process."""

from contextlib import suppress
from typing import TYPE_CHECKING

from limits import RateLimitItem, parse

from api.limiting.errors import RateLimited, RedisUnavailable
from api.limiting.windows import Clock, Hit, MemoryWindows
from api.observability.request_log import current_record
from openapi.headers import RATE_LIMIT, RATE_LIMIT_POLICY

if TYPE_CHECKING:
    from api.limiting.redis_windows import SharedWindows


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
        """Uncount a request."""
        self._windows.give_back(client)
        if self._shared is not None:
            # If it can't be uncounted, the count expires with the window.
            with suppress(RedisUnavailable):
                await self._shared.give_back(self._rate, self._name, client)

    async def forget(self, client: str) -> None:
        """Reset the count."""
        self._windows.forget(client)
        if self._shared is not None:
            with suppress(RedisUnavailable):
                await self._shared.forget(self._rate, self._name, client)
