"""A limit under its name, and counting in it: in Redis, or else in this process."""

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
    """A rate under the name that clients and the log see.

    `fails_closed`: while it can't be counted together with the other processes, requests are
    refused. Otherwise each process counts alone.
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
    """Counts clients in policies. `shared`: Redis, if there is one."""

    def __init__(self, shared: "SharedWindows | None") -> None:
        self.shared = shared

    async def hit(self, policy: Policy, client: str) -> Hit:
        """Count a request of `client`, unless it is one too many. Raises RedisUnavailable."""
        if self.shared is not None:
            try:
                return await self.shared.hit(policy.rate, policy.name, client)
            except RedisUnavailable:
                if policy.fails_closed:
                    raise
        return policy.windows.hit(client)

    async def admit(self, policy: Policy, client: str) -> Hit:
        """The same. Raises RateLimited too."""
        hit = await self.hit(policy, client)
        if not hit.allowed:
            current_record().refused_by = policy.name
            raise RateLimited(hit.wait)
        return hit

    async def give_back(self, policy: Policy, client: str) -> None:
        """Don't count a request of `client` after all."""
        policy.windows.give_back(client)
        if self.shared is not None:
            # What can't be given back is forgotten with the window.
            with suppress(RedisUnavailable):
                await self.shared.give_back(policy.rate, policy.name, client)

    async def forget(self, policy: Policy, client: str) -> None:
        """Let `client` begin anew."""
        policy.windows.forget(client)
        if self.shared is not None:
            with suppress(RedisUnavailable):
                await self.shared.forget(policy.rate, policy.name, client)
