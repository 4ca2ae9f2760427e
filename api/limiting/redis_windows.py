"""The same windows in Redis, shared by all processes."""

import asyncio
from collections.abc import Coroutine
from hashlib import sha1
from typing import Any, TypeVar

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage.redis.bridge import RedisBridge
from redis.exceptions import NoScriptError

from api.limiting.errors import RedisUnavailable
from api.limiting.redis_batches import Batches
from api.limiting.windows import Hit, Usage

T = TypeVar("T")

PREFIX = "items-api"
PROBE = parse("1000000/second")
# The two scripts of limits in one: whether a request is allowed, and what that leaves.
HIT = f"""
local function acquire(KEYS, ARGV)
{RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function look(KEYS, ARGV)
{RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
return {{acquire(KEYS, ARGV), look(KEYS, {{ARGV[2]}})}}
"""
HIT_ID = sha1(HIT.encode(), usedforsecurity=False).hexdigest()
"""What Redis calls the script."""

log = structlog.get_logger(__name__)


# Nothing if the window has ended meanwhile: to count down a missing key would create one for ever.
GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then return redis.call('DECR', KEYS[1]) end
"""


class SharedWindows:
    """The windows in the Redis at `url`, as long as it answers within `deadline` seconds.

    Once it doesn't, no request waits for it any more. It is asked again beside them, at most once
    in `pause` seconds, until it answers.
    """

    def __init__(self, url: str, *, deadline: float = 0.05, pause: float = 1) -> None:
        self.redis = Batches(url, deadline=deadline)
        self._pause = pause
        self._away = False
        self._next_probe = 0.0
        self._probe: asyncio.Task[bool] | None = None

    async def hit(self, limit: RateLimitItem, *client: str) -> Hit:
        """Count a request of `client`, unless it is one too many. Raises RedisUnavailable."""
        return await self._while_it_answers(self._hit(limit, *client))

    async def forget(self, limit: RateLimitItem, *client: str) -> None:
        """Let `client` begin anew. Raises RedisUnavailable."""
        await self._while_it_answers(self.redis.ask("UNLINK", *keys_of(limit, *client)))

    async def give_back(self, limit: RateLimitItem, *client: str) -> None:
        """Don't count a request of `client` after all. Raises RedisUnavailable."""
        _, current = keys_of(limit, *client)
        await self._while_it_answers(self.redis.ask("EVAL", GIVE_BACK, 1, current))

    async def available(self) -> bool:
        """Ask it now whether requests can rely on it; from then on they do, or they don't."""
        return await asyncio.shield(self._probing())

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
        await self.redis.close()

    async def _while_it_answers(self, asking: Coroutine[Any, Any, T]) -> T:
        """What `asking` gives. Raises RedisUnavailable, at once where it is away."""
        if self._away:
            asking.close()
            if asyncio.get_running_loop().time() >= self._next_probe:
                self._probing()
            raise RedisUnavailable("it didn't answer a moment ago")
        try:
            return await asking
        except RedisUnavailable as error:
            self._lost(error)
            raise

    async def _hit(self, limit: RateLimitItem, *client: str) -> Hit:
        keys = keys_of(limit, *client)
        arguments = [len(keys), *keys, limit.amount, limit.get_expiry(), 1]
        try:
            allowed, answer = await self.redis.ask("EVALSHA", HIT_ID, *arguments)
        except NoScriptError:
            allowed, answer = await self.redis.ask("EVAL", HIT, *arguments)
        # Milliseconds; negative ones where there is no such key.
        previous, previous_left, current, current_left = (max(0, int(n or 0)) for n in answer)
        usage = Usage(previous, previous_left / 1000, current, current_left / 1000)
        return usage.hit(limit, allowed=bool(allowed))

    def _probing(self) -> asyncio.Task[bool]:
        """One at a time, whoever wants to know."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._answers())
        return self._probe

    async def _answers(self) -> bool:
        try:
            await self.redis.connect()
            await self._hit(PROBE, "probe")
        except RedisUnavailable as error:
            self._lost(error)
            return False
        if self._away:
            self._away = False
            log.warning("redis_is_back", meaning="all processes limit together again")
        return True

    def _lost(self, error: RedisUnavailable) -> None:
        self._next_probe = asyncio.get_running_loop().time() + self._pause
        if not self._away:
            self._away = True
            log.warning("redis_is_away", cause=str(error), meaning="each process limits alone")


def keys_of(limit: RateLimitItem, *client: str) -> tuple[str, str]:
    """Those of the window before and of the current one; the braces keep them on one node."""
    current = f"{PREFIX}:{{{limit.key_for(*client)}}}"
    return f"{current}/-1", current
