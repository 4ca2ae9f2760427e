"""The rate limits and the clients that each counts; docs/rate-limits.md explains them."""

import time
from functools import partial
from typing import TYPE_CHECKING

from flask import request

from api.config.settings import Settings
from api.limiting.attempts import Attempts, digest
from api.limiting.errors import RateLimited
from api.limiting.windows import Clock, Policy
from api.observability.request_log import current_record
from api.runtime.async_flask import AsyncFlask, is_preflight
from api.runtime.proxies import network
from openapi.operation import Limit
from storage.accounts.admission import Credentials, Session

if TYPE_CHECKING:
    from api.limiting.redis_windows import SharedWindows

FAIL_CLOSED = {Limit.LOGIN, Limit.REGISTRATION}
UNCOUNTED = {"metrics.get_metrics"}
"""Not counted, because monitoring is needed most in a flood. It counts the requests that it
refuses."""


def init_app(app: AsyncFlask) -> None:
    """Count the requests that reach no operation (operations count theirs): unknown paths and
    methods, preflights, the document and its pages."""

    def count_unless_an_operation_does() -> None:
        rule = request.url_rule
        if rule is not None and rule.endpoint in UNCOUNTED:
            return
        view = None if rule is None else app.view_functions[rule.endpoint]
        operation = getattr(view, "operation", None)
        if operation is not None and (request.method != "OPTIONS" or operation.limit is Limit.NONE):
            return
        try:
            app.wait(app.services[RateLimits].count(Limit.GENERAL, None))
        except RateLimited:
            # If the preflight were refused, the browser would hide the request's 429 from the page.
            if not is_preflight():
                raise

    app.before_request(count_unless_an_operation_does)


class RateLimits:
    """Counts requests in `shared`, by default the settings' Redis, or in memory; `clock` gives the
    seconds for the latter."""

    def __init__(
        self,
        settings: Settings,
        *,
        shared: "SharedWindows | None" = None,
        clock: Clock = time.monotonic,
    ) -> None:
        if shared is None and settings.redis_url:
            # Redis's client takes 70 ms and 5 MB, so it is imported only if Redis is configured.
            from api.limiting.redis_windows import SharedWindows  # noqa: PLC0415

            shared = SharedWindows(settings.redis_url, deadline=settings.redis_timeout / 1000)
        self.shared = shared
        policy = partial(Policy, clock=clock, shared=shared)
        rates = {
            Limit.GENERAL: settings.rate_limit,
            Limit.LOGIN: settings.login_rate_limit,
            Limit.REFRESH: settings.refresh_rate_limit,
            Limit.REGISTRATION: settings.registration_rate_limit,
        }
        self._policies = {
            limit: policy(limit.value, rate, fails_closed=limit in FAIL_CLOSED, announced=True)
            for limit, rate in rates.items()
            if rate is not None
        }
        # If sign-ins have no limit, attempts at one account have none either.
        self.attempts = Attempts(policy, enabled=Limit.LOGIN in self._policies)

    async def count(self, limit: Limit, credentials: Credentials | None) -> None:
        """Count the current request for the user of `credentials`, or without credentials for its
        address. Raises RateLimited and RedisUnavailable."""
        policy = self._policies.get(limit)
        if policy is not None:
            await policy.admit(_address() if credentials is None else _user(credentials))

    async def count_refresh(self, family: bytes) -> None:
        """Count a refresh for its session, whose refresh tokens share `family`. Raises
        RateLimited."""
        policy = self._policies.get(Limit.REFRESH)
        if policy is not None:
            await policy.admit(f"session {digest(family.hex())}")

    async def forgive(self) -> None:
        """Uncount the current request for its address."""
        policy = self._policies.get(Limit.GENERAL)
        if policy is not None:
            await policy.give_back(_address())

    async def available(self) -> bool | None:
        """Return whether Redis can be used at the moment, or None if it isn't configured."""
        return None if self.shared is None else await self.shared.available()

    async def close(self) -> None:
        if self.shared is not None:
            await self.shared.close()


def _address() -> str:
    return f"address {network(current_record().address)}"


def _user(credentials: Credentials) -> str:
    if isinstance(credentials, Session):
        return f"user {credentials.user_id}"
    return f"user {digest(*credentials)}"
