"""Sliding windows in Redis, shared by all processes."""

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
from api.limiting.windows import Hit, hit_of

T = TypeVar("T")

PREFIX = "items-api"
PROBE = parse("1000000/second")
# Both scripts of limits in one: whether a request is allowed, and the counts afterwards. A window
# lasts two periods at most. If it seems to last longer, Redis's clock was set back, and the client
# would have to wait until the clock has caught up.
HIT = f"""
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) > 2000 * ARGV[2] then redis.call('UNLINK', key) end
end
local function acquire(KEYS, ARGV)
{RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function look(KEYS, ARGV)
{RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
return {{acquire(KEYS, ARGV), look(KEYS, {{ARGV[2]}})}}
"""
HIT_ID = sha1(HIT.encode(), usedforsecurity=False).hexdigest()
"""Redis's id of the script."""
# It does nothing if the window has ended: decrementing a missing key creates one without expiry.
GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then return redis.call('DECR', KEYS[1]) end
"""

log = structlog.get_logger(__name__)


class SharedWindows:
    """The windows in the Redis at `url`, while it answers within `deadline` seconds.

    Once it doesn't, no request waits for it any more. It is probed in the background, at most once
    in `pause` seconds, until it answers.
    """

    def __init__(self, url: str, *, deadline: float = 0.05, pause: float = 1) -> None:
        self.redis = Batches(url, deadline=deadline)
        self._pause = pause
        self._away = False
        self._next_probe = 0.0
        self._probe: asyncio.Task[bool] | None = None

    async def hit(self, limit: RateLimitItem, *client: str) -> Hit:
        """Like MemoryWindows.hit. Raises RedisUnavailable."""
        return await self._while_it_answers(self._hit(limit, *client))

    async def forget(self, limit: RateLimitItem, *client: str) -> None:
        """Raises RedisUnavailable."""
        await self._while_it_answers(self.redis.ask("UNLINK", *keys_of(limit, *client)))

    async def give_back(self, limit: RateLimitItem, *client: str) -> None:
        """Raises RedisUnavailable."""
        _, current = keys_of(limit, *client)
        await self._while_it_answers(self.redis.ask("EVAL", GIVE_BACK, 1, current))

    async def available(self) -> bool:
        """Probe Redis now and return whether it answers; requests then use it or don't."""
        return await asyncio.shield(self._probing())

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
        await self.redis.close()

    async def _while_it_answers(self, asking: Coroutine[Any, Any, T]) -> T:
        """Return the result of `asking`. Raises RedisUnavailable, immediately during an outage."""
        if self._away:
            asking.close()
            if asyncio.get_running_loop().time() >= self._next_probe:
                self._probing()
            raise RedisUnavailable("Redis didn't answer a moment ago")
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
        previous, _, current, milliseconds = (int(n or 0) for n in answer)
        # The current window's key lives for one period longer than the window.
        left = max(0, milliseconds / 1000 - limit.get_expiry())
        return hit_of(limit, previous, current, left, allowed=bool(allowed))

    def _probing(self) -> asyncio.Task[bool]:
        """Return the running probe, or start one."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._answers())
        return self._probe

    async def _answers(self) -> bool:
        try:
            if self._away:
                await self.redis.reconnect()
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
    """Return the keys of the previous and the current window; the braces keep them on one node."""
    current = f"{PREFIX}:{{{limit.key_for(*client)}}}"
    return f"{current}/-1", current
