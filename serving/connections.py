"""All connections of a server, and the limits on what they hold while they wait for clients."""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from hypercorn.asyncio.worker_context import WorkerContext

from serving.turns import Turns

CHECKED_PER_TURN = 16
"""The number of connections that are checked in one turn of the loop."""

MAX_UNSENT = 24 * 1024 * 1024
"""The number of response bytes that may wait for all clients together."""


LOG_INTERVAL = 10.0
"""The seconds between two lines of the same kind."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits on connections.

    `keep_alive`: the seconds that a connection may wait for its next request. `send_timeout`: the
    seconds in which a client must read some of the data that waits for it. `connections`: the
    number of open connections.
    """

    keep_alive: float = 5
    send_timeout: float = 30
    connections: int = 4096


class Member(Protocol):
    """The interface of a connection that `Connections` uses."""

    @property
    def client(self) -> str:
        """The client's address, or the network of an IPv6 address."""

    @property
    def unsent(self) -> int:
        """The number of response bytes that wait for the client."""

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to act before the connection can continue."""

    def abort(self) -> None:
        """End the connection without waiting for its client."""

    async def check(self, now: float) -> bool:
        """End the connection, or its streams, if it has waited too long for the client. Return
        whether it did."""


class SparingLog:
    """A log for lines that clients can cause any number of times.

    It writes one line of each kind per LOG_INTERVAL, with the number of omitted lines.
    """

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

    The addresses, and the connections of each, are kept in the order in which a client last sent
    something, or a search for room last found the connection in use.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(max_requests=None)
        self.limits = limits
        self.log = SparingLog(logging.getLogger(__name__))
        self.turns = Turns()
        self.retiring = False
        self.leaving = False
        self._unsent = 0
        self._count = 0
        self._members: OrderedDict[str, OrderedDict[Member, None]] = OrderedDict()

    @property
    def full(self) -> bool:
        return self._count >= self.limits.connections

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
        """Record that the client of `member` has sent something."""
        members = self._members.get(member.client)
        if members is not None and member in members:
            members.move_to_end(member)
            self._members.move_to_end(member.client)

    def longest_waiting(self) -> Member | None:
        """Return the connection that has waited longest for its client, if possible of
        those of the address that has most; None if no connection waits for its client.

        Those that don't wait go to the end. Otherwise each new connection would cost a look at all
        of them, while hundreds are being served.
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
        """Record that `change` more bytes wait for clients; abort the largest if it is too much."""
        self._unsent += change
        if change > 0 and self._unsent > MAX_UNSENT:
            self._shed()

    async def watch(self) -> None:
        """Check all connections regularly until cancelled; they share one timer."""
        loop = asyncio.get_running_loop()
        interval = min(1.0, self.limits.keep_alive / 4, self.limits.send_timeout / 4)
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
