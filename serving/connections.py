"""All connections of a server, and the limits on what they hold while they wait for clients."""

import asyncio
import logging
import resource
import time
from collections import Counter, OrderedDict
from itertools import chain
from typing import Protocol

from hypercorn.asyncio.worker_context import WorkerContext

from serving.config import Options
from serving.turns import Turns

DEFAULT_CONNECTIONS = 4096
"""The default limit, unless descriptors are fewer: a connection takes about 50 kB of memory."""

RESERVED = 256
"""The descriptors reserved for the database, its pool, files and the log; half of all if there are
fewer than twice as many."""

CHECKED_PER_TURN = 16
"""The connections that are checked in one turn of the loop."""

MAX_UNSENT = 24 * 1024 * 1024
"""The response bytes that may wait for all clients together."""

LOG_INTERVAL = 10.0
"""The seconds between two lines of the same kind."""


class Member(Protocol):
    """The interface of a connection that `Connections` uses."""

    @property
    def client(self) -> str: ...
    @property
    def unsent(self) -> int: ...
    @property
    def waits_for_client(self) -> bool: ...
    def abort(self) -> None: ...
    async def check(self, now: float) -> bool: ...


class SparingLog:
    """A log for lines that clients can cause at will: it writes one of each kind per LOG_INTERVAL,
    with the number of omitted lines."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._next: dict[str, float] = {}
        self._omitted: Counter[str] = Counter()

    def warning(self, message: str, *values: object) -> None:
        """Log `message`, which identifies its kind, formatted with `values`."""
        now = time.monotonic()
        if now < self._next.get(message, 0):
            self._omitted[message] += 1
            return
        self._next[message] = now + LOG_INTERVAL
        if again := self._omitted.pop(message, 0):
            message += f"; {again} times more in the last {LOG_INTERVAL:.0f} seconds"
        self._log.warning(message, *values)


class Connections(WorkerContext):
    """The state that all connections share: their limits, and how far the shutdown has come.

    Addresses, and the connections of each, are in the order in which they were last in use.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(max_requests=None)
        self.keep_alive = options.keep_alive_timeout
        self.send_timeout = options.send_timeout
        self.limit = options.max_connections or min(
            DEFAULT_CONNECTIONS, descriptors_for_connections()
        )
        self.log = SparingLog(logging.getLogger(__name__))
        self.turns = Turns()
        self.retiring = False
        self.leaving = False
        self._unsent = 0
        self._count = 0
        self._members: OrderedDict[str, OrderedDict[Member, None]] = OrderedDict()

    @property
    def full(self) -> bool:
        return self._count >= self.limit

    def add(self, member: Member) -> None:
        self._count += 1
        self._members.setdefault(member.client, OrderedDict())[member] = None

    def remove(self, member: Member) -> None:
        members = self._members.get(member.client)
        if members is not None and member in members:
            self._count -= 1
            del members[member]
            if not members:
                del self._members[member.client]

    def mark_active(self, member: Member) -> None:
        members = self._members.get(member.client)
        if members is not None and member in members:
            members.move_to_end(member)
            self._members.move_to_end(member.client)

    def longest_waiting(self) -> Member | None:
        """Return the connection that has waited longest for its client, if possible of the address
        that has most; None if no connection waits for its client.

        Those that don't wait go to the end, so that not each new connection costs a look at all.
        """
        most = max(self._members.values(), key=len, default=OrderedDict[Member, None]())
        for members in (most, *self._members.values()):
            for member in [*members]:
                if member.waits_for_client:
                    return member
                members.move_to_end(member)
        return None

    def dismiss(self, member: Member) -> None:
        """Abort `member`, and forget it."""
        self.remove(member)
        member.abort()

    def hold(self, change: int) -> None:
        """`change` more bytes wait for clients; if it is too much, abort the largest."""
        self._unsent += change
        if change > 0 and self._unsent > MAX_UNSENT:
            self._shed()

    async def watch(self) -> None:
        """Check all connections regularly until cancelled; they share one timer."""
        loop = asyncio.get_running_loop()
        interval = min(1.0, self.keep_alive / 4, self.send_timeout / 4)
        while True:
            await asyncio.sleep(interval)
            now = loop.time()
            for _ in range(3):  # the turns of the loop in which what has arrived by now is read
                await asyncio.sleep(0)
            for number, member in enumerate(self._all(), 1):
                # Many that began together end together, and each check takes a system call.
                if await member.check(now) or number % CHECKED_PER_TURN == 0:
                    await asyncio.sleep(0)

    def _all(self) -> list[Member]:
        return [*chain.from_iterable(self._members.values())]

    def _shed(self) -> None:
        unsent = sum(member.unsent for member in self._all())
        while unsent > MAX_UNSENT:
            largest = max(self._all(), key=lambda member: member.unsent)
            self.log.warning(
                "more than %d bytes wait for clients: resetting the slowest", MAX_UNSENT
            )
            unsent -= largest.unsent
            self.dismiss(largest)


def descriptors_for_connections() -> int:
    """Return the limit of descriptors without those that are RESERVED."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(soft - RESERVED, soft // 2)
