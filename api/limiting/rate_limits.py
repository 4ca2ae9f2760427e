"""The limits: which there are, whom each counts, and what a client is told.

docs/rate-limits.md says what they are for.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from importlib import import_module
from typing import TYPE_CHECKING

from flask import Flask, Response
from limits import RateLimitItem, parse

from api.limiting.addresses import network
from api.limiting.refusals import RateLimited, RedisUnavailable
from api.limiting.windows import Clock, Hit, MemoryWindows
from api.request_log import current_record
from api.settings import Settings
from openapi.headers import RATE_LIMIT, RATE_LIMIT_POLICY
from openapi.operation import Limit
from storage.admission import Credentials, Session

if TYPE_CHECKING:
    from api.limiting.shared import SharedWindows


class Policy:
    """A rate under the name that clients and the log see.

    `fails_closed`: what can't be counted together with the other processes is not answered. Else
    it is counted by this process alone.
    """

    def __init__(
        self, name: str, rate: RateLimitItem, clock: Clock, *, fails_closed: bool = True
    ) -> None:
        self.name = name
        self.rate = rate
        self.fails_closed = fails_closed
        self.windows = MemoryWindows(rate, clock=clock)
        self._header = f'"{name}";q={rate.amount};w={rate.get_expiry()}'

    def headers(self, hit: Hit) -> dict[str, str]:
        standing = f'"{self.name}";r={hit.remaining};t={hit.wait}'
        return {RATE_LIMIT.name: standing, RATE_LIMIT_POLICY.name: self._header}


class RateLimits:
    """Counts requests, in Redis or else in memory, there by the seconds of `clock`."""

    def __init__(self, settings: Settings, *, clock: Clock = time.monotonic) -> None:
        self.shared = open_shared(settings) if settings.redis_url else None
        rates = {
            Limit.GENERAL: settings.rate_limit,
            Limit.LOGIN: settings.login_rate_limit,
            Limit.REGISTRATION: settings.registration_rate_limit,
        }
        self._policies = {
            limit: Policy(limit.value, rate, clock, fails_closed=limit is not Limit.GENERAL)
            for limit, rate in rates.items()
            if rate is not None
        }
        # Attempts at one account's password.
        self._from_address = Policy("account-from-address", parse("10/15 minutes"), clock)
        self._first_from_network = Policy("account-first", parse("3/day"), clock)
        self._from_anywhere = Policy("account", parse("100/hour"), clock)

    async def count(self, limit: Limit, credentials: Credentials | None) -> None:
        """Count the request that is being handled: for whoever has `credentials`, or else for its
        address. Raises RateLimited and RedisUnavailable."""
        policy = self._policies.get(limit)
        if policy is None:
            return
        client = self._address() if credentials is None else _user(credentials)
        hit = await self._hit(policy, client)
        current_record().headers.update(policy.headers(hit))
        _refuse_unless_allowed(policy, hit)

    @asynccontextmanager
    async def attempt(self, account: str) -> AsyncIterator[None]:
        """Around the check of a password: counts it, and forgets it unless an exception comes out.

        `account` is what accounts are told apart by. Raises RateLimited and RedisUnavailable.

        From one address there may be ten in 15 minutes. All together have a hundred in an hour,
        which an attacker can use up; so the first three of a day from each network are none of
        those: with the right password, its owner gets in from anywhere.
        """
        if Limit.LOGIN not in self._policies:
            yield
            return
        account = _digest(account)
        from_address, from_network = (f"{account} {self._address(bits)}" for bits in (64, 48))
        await self._admit(self._from_address, from_address)
        if not (await self._hit(self._first_from_network, from_network)).allowed:
            await self._admit(self._from_anywhere, account)
        yield
        await self._forget(self._from_address, from_address)
        await self._forget(self._first_from_network, from_network)

    async def available(self) -> bool | None:
        """Whether all processes count together at the moment; None where that isn't asked for."""
        return None if self.shared is None else await self.shared.available()

    async def close(self) -> None:
        if self.shared is not None:
            await self.shared.close()

    async def _admit(self, policy: Policy, client: str) -> None:
        _refuse_unless_allowed(policy, await self._hit(policy, client))

    async def _hit(self, policy: Policy, client: str) -> Hit:
        if self.shared is not None:
            try:
                return await self.shared.hit(policy.rate, policy.name, client)
            except RedisUnavailable:
                if policy.fails_closed:
                    raise
        return policy.windows.hit(client)

    async def _forget(self, policy: Policy, client: str) -> None:
        policy.windows.forget(client)
        if self.shared is not None:
            # It was right: what can't be forgotten in Redis is gone by itself after a while.
            with suppress(RedisUnavailable):
                await self.shared.forget(policy.rate, policy.name, client)

    def _address(self, prefix: int = 64) -> str:
        return f"address {network(current_record().address, prefix)}"


def open_shared(settings: Settings) -> "SharedWindows":
    """What needs Redis's client, 70 ms of a start and 5 MB, is imported where there is a Redis."""
    shared: SharedWindows = import_module("api.limiting.shared").SharedWindows(
        settings.redis_url, deadline=settings.redis_timeout / 1000
    )
    return shared


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Say what is left, on whatever answer a request gets that was counted."""
    for name, value in current_record().headers.items():
        response.headers.add(name, value)
    return response


def _refuse_unless_allowed(policy: Policy, hit: Hit) -> None:
    if not hit.allowed:
        current_record().refused_by = policy.name
        raise RateLimited(hit.wait)


def _user(credentials: Credentials) -> str:
    if isinstance(credentials, Session):
        return f"user {credentials.user_id}"
    return f"user {_digest(*credentials)}"


def _digest(*texts: str) -> str:
    """What may be long, or nobody's business, in a few characters."""
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()
