"""The rate limits, the clients that each counts, and the response headers.

docs/rate-limits.md explains them.
"""

import time
from typing import TYPE_CHECKING

from api.config.settings import Settings
from api.limiting.attempts import Attempts, digest
from api.limiting.errors import RateLimited
from api.limiting.policies import Counters, Policy
from api.limiting.windows import Clock
from api.observability.request_log import Record, current_record
from api.runtime.proxies import network
from openapi.operation import Limit
from storage.accounts.admission import Credentials, Session

if TYPE_CHECKING:
    from api.limiting.redis_windows import SharedWindows

FAIL_CLOSED = {Limit.LOGIN, Limit.REGISTRATION}


class RateLimits:
    """Counts requests, in Redis or in memory; `clock` gives the seconds for the latter."""

    def __init__(self, settings: Settings, *, clock: Clock = time.monotonic) -> None:
        self.counters = Counters(open_shared(settings) if settings.redis_url else None)
        rates = {
            Limit.GENERAL: settings.rate_limit,
            Limit.LOGIN: settings.login_rate_limit,
            Limit.REFRESH: settings.refresh_rate_limit,
            Limit.REGISTRATION: settings.registration_rate_limit,
        }
        self._policies = {
            limit: Policy(limit.value, rate, clock, fails_closed=limit in FAIL_CLOSED)
            for limit, rate in rates.items()
            if rate is not None
        }
        # If sign-ins have no limit, attempts at one account have none either.
        enabled = Limit.LOGIN in self._policies
        self.attempts = Attempts(self.counters, clock, enabled=enabled)

    async def count(self, limit: Limit, credentials: Credentials | None) -> None:
        """Count the current request for the user of `credentials`, or without credentials for its
        address. Raises RateLimited and RedisUnavailable."""
        record = current_record()
        client = _address(record) if credentials is None else _user(credentials)
        await self._count(limit, client, record)

    async def count_refresh(self, family: bytes) -> None:
        """Count a refresh for its session, whose refresh tokens share `family`. Raises
        RateLimited."""
        await self._count(Limit.REFRESH, f"session {digest(family.hex())}", current_record())

    async def forgive(self) -> None:
        """Uncount the current request for its address."""
        policy = self._policies.get(Limit.GENERAL)
        if policy is not None:
            await self.counters.give_back(policy, _address(current_record()))

    async def available(self) -> bool | None:
        """Return whether Redis can be used at the moment, or None if it isn't configured."""
        shared = self.counters.shared
        return None if shared is None else await shared.available()

    async def close(self) -> None:
        if self.counters.shared is not None:
            await self.counters.shared.close()

    async def _count(self, limit: Limit, client: str, record: Record) -> None:
        policy = self._policies.get(limit)
        if policy is None:
            return
        hit = await self.counters.hit(policy, client)
        record.headers.update(policy.headers(hit))
        if not hit.allowed:
            record.refused_by = policy.name
            raise RateLimited(hit.wait)


def open_shared(settings: Settings) -> "SharedWindows":
    # Redis's client takes 70 ms and 5 MB, so it is imported only if Redis is configured.
    from api.limiting.redis_windows import SharedWindows  # noqa: PLC0415

    return SharedWindows(settings.redis_url, deadline=settings.redis_timeout / 1000)


def _address(record: Record) -> str:
    return f"address {network(record.address)}"


def _user(credentials: Credentials) -> str:
    if isinstance(credentials, Session):
        return f"user {credentials.user_id}"
    return f"user {digest(*credentials)}"
