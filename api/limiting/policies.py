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
    """A rate with the name that clients and the log show.

    `fails_closed`: requests are refused while Redis can't be used. Otherwise each process counts
    alone then.
    """

    def __init__(
        self, name: str, rate: RateLimitItem | str, clock: Clock, *, fails_closed: bool = True
    ) -> None:
        self.name = name
        self.rate = parse(rate) if isinstance(rate, str) else rate
        self.fails_closed = fails_closed
        self.windows = MemoryWindows(self.rate, clock=clock)
        self._header = f'"{name}";q={self.rate.amount};w={self.rate.get_expiry()}'

    def headers(self, hit: Hit) -> dict[str, str]:
        standing = f'"{self.name}";r={hit.remaining};t={hit.wait}'
        return {RATE_LIMIT.name: standing, RATE_LIMIT_POLICY.name: self._header}


class Counters:
    """Counts the requests of clients. `shared`: the windows in Redis, if it is configured."""

    def __init__(self, shared: "SharedWindows | None") -> None:
        self.shared = shared

    async def hit(self, policy: Policy, client: str) -> Hit:
        """Count a request of `client` if the limit allows it. Raises RedisUnavailable."""
        if self.shared is not None:
            try:
                return await self.shared.hit(policy.rate, policy.name, client)
            except RedisUnavailable:
                if policy.fails_closed:
                    raise
        return policy.windows.hit(client)

    async def admit(self, policy: Policy, client: str) -> Hit:
        """Like `hit`, but raise RateLimited if the limit doesn't allow the request."""
        hit = await self.hit(policy, client)
        if not hit.allowed:
            current_record().refused_by = policy.name
            raise RateLimited(hit.wait)
        return hit

    async def give_back(self, policy: Policy, client: str) -> None:
        """Uncount a request of `client`."""
        policy.windows.give_back(client)
        if self.shared is not None:
            # If it can't be uncounted, the count expires with the window.
            with suppress(RedisUnavailable):
                await self.shared.give_back(policy.rate, policy.name, client)

    async def forget(self, policy: Policy, client: str) -> None:
        """Reset the count of `client`."""
        policy.windows.forget(client)
        if self.shared is not None:
            with suppress(RedisUnavailable):
                await self.shared.forget(policy.rate, policy.name, client)
