"""Commands to Redis in batches: commands that arrive while a batch is running go into the next one.

So a hundred requests at once take one round trip on one connection (docs/dependencies.md).
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from api.limiting.errors import RedisUnavailable

T = TypeVar("T")

CONNECT_DEADLINE = 1.0
"""The seconds in which a new connection must be ready if no request waits for it."""
MAX_AGE = 180.0
"""The seconds after which the connections are replaced: the address may lead to another server by
then, though the old one still answers."""
TURNS = 30
"""The iterations that the event loop gets after the deadline to process replies that arrived before
it. redis-py needs up to 15 for a batch; 30 iterations of an idle loop take half a millisecond."""


class Batches:
    """The Redis at `url`. Callers wait at most `deadline` seconds."""

    def __init__(self, url: str, *, deadline: float) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=2,  # one for batches, one for connect()
            timeout=None,  # the deadline limits the wait
            # A connection that is lost when Redis restarts is replaced once.
            retry=Retry(NoBackoff(), 1),
        )
        self._client: Any = Redis(connection_pool=pool)  # its types are the blocking client's
        self.deadline = deadline
        self._connected_at = time.monotonic()
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, *command: Any) -> Any:
        """Send `command` and return the reply. Raises RedisUnavailable and NoScriptError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return await answer

    async def connect(self) -> None:
        """Check that Redis answers. Raises RedisUnavailable."""
        try:
            await within(CONNECT_DEADLINE, self._client.ping())
        except Exception as error:
            raise unavailable(error) from error

    async def reconnect(self) -> None:
        """Drop the connections. What Redis answers may be "not here any more": it is loading, or
        has become a replica, and its address leads to another one."""
        self._connected_at = time.monotonic()
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        await self._client.connection_pool.aclose()

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                # Half of it: a caller may already have waited for the previous batch.
                results = await within(self.deadline / 2, self._run([c for c, _ in batch]))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # passed to the callers that wait
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
        if time.monotonic() - self._connected_at > MAX_AGE:
            await self.reconnect()
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
    """Wait for `answer`. Raises TimeoutError after `deadline` seconds.

    If the loop was busy for longer than that, a reply may have arrived in time without having been
    processed, so the loop gets some more iterations.
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
