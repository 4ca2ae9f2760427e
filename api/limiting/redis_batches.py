"""Commands to Redis in batches: what is asked while one is under way goes with the next.

A hundred requests at once then cost one round trip on one connection, and not a hundred
connections, whose making and queueing a busy process would take for a slow Redis.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from api.limiting.errors import RedisUnavailable

T = TypeVar("T")

CONNECT_DEADLINE = 1.0
"""Seconds within which a new connection must be ready where no request waits for it."""
TURNS = 30
"""How often the event loop may come round after the deadline, to answers that came before it. With
all that redis-py does a batch takes up to 15 turns; 30 of an idle loop take half a millisecond."""


class Batches:
    """The Redis at `url`; who asks waits for `deadline` seconds at most."""

    def __init__(self, url: str, *, deadline: float) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=2,  # the batches', and that of connect()
            timeout=None,  # but for the deadline
            # On a new connection, where one is lost as Redis restarts.
            retry=Retry(NoBackoff(), 1),
        )
        self._client: Any = Redis(connection_pool=pool)  # whose types are those of a blocking one
        self.deadline = deadline
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, *command: Any) -> Any:
        """The answer to `command`. Raises RedisUnavailable, and NoScriptError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return await answer

    async def connect(self) -> None:
        """Raises RedisUnavailable."""
        try:
            await within(CONNECT_DEADLINE, self._client.ping())
        except Exception as error:
            raise unavailable(error) from error

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        await self._client.connection_pool.aclose()

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                # The half, since who asks may have waited for the batch before.
                results = await within(self.deadline / 2, self._run([c for c, _ in batch]))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
                batch, self._waiting = [*batch, *self._waiting], []
                results = [error] * len(batch)
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():
                    continue  # its client has left
                if isinstance(result, BaseException):
                    answer.set_exception(unavailable(result))
                else:
                    answer.set_result(result)

    async def _run(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            results: list[Any] = await pipeline.execute(raise_on_error=False)
            return results


def unavailable(error: BaseException) -> Exception:
    if isinstance(error, NoScriptError):
        return error
    return RedisUnavailable(str(error) or type(error).__name__)


async def within(deadline: float, answer: Awaitable[T]) -> T:
    """Wait for `answer`. Raises TimeoutError where it isn't there after `deadline` seconds.

    When the loop was busy for longer than that, an answer may have arrived in time and nobody has
    looked yet, so it gets some more turns.
    """
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait([task], timeout=deadline)
        for _ in range(TURNS):
            if task.done():
                return task.result()
            await asyncio.sleep(0)
    finally:
        task.cancel()
    raise TimeoutError
