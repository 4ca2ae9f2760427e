"""All connections of a server, and the bounds on what they hold at their clients' pleasure."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from hypercorn.asyncio.worker_context import WorkerContext

from serving.sparing import SparingLog

MAX_UNSENT = 24 * 1024 * 1024
"""How many bytes of answers may wait for all clients together."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`keep_alive`: seconds that a connection may wait for its next request. `send_timeout`:
    seconds in which a client must take some of what waits for it. `connections`: how many there
    may be at once."""

    keep_alive: float = 5
    send_timeout: float = 30
    connections: int = 4096


class Member(Protocol):
    """A connection, as far as it concerns the others."""

    @property
    def unsent(self) -> int:
        """How many bytes of answers wait for the client."""

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to do something before it goes on here."""

    def abort(self) -> None:
        """End it without waiting for its client."""

    async def check(self, now: float) -> None:
        """End what has waited for the client for too long."""


class Connections(WorkerContext):
    """What all connections share: their bounds, and how far the server's end has come.

    They are kept in the order in which their clients were last heard of.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(max_requests=None)
        self.limits = limits
        self.log = SparingLog(logging.getLogger(__name__))
        self.retiring = False
        self.leaving = False
        self._unsent = 0
        self._members: OrderedDict[Member, None] = OrderedDict()

    @property
    def full(self) -> bool:
        return len(self._members) >= self.limits.connections

    def add(self, member: Member) -> None:
        self._members[member] = None

    def remove(self, member: Member) -> None:
        self._members.pop(member, None)

    def heard_of(self, member: Member) -> None:
        """The client of `member` has sent something."""
        if member in self._members:
            self._members.move_to_end(member)

    def longest_waiting(self) -> Member | None:
        """What has waited for its client the longest; None if all have a request to answer."""
        return next((member for member in self._members if member.waits_for_client), None)

    def dismiss(self, member: Member) -> None:
        """Abort `member`, and forget it."""
        self.remove(member)
        member.abort()

    def hold(self, change: int) -> None:
        """`change` more bytes wait for clients; what holds most of too many is aborted."""
        self._unsent += change
        if change > 0 and self._unsent > MAX_UNSENT:
            self._shed()

    async def watch(self) -> None:
        """Look after all connections until cancelled; one timer for all of them."""
        loop = asyncio.get_running_loop()
        interval = min(1.0, self.limits.keep_alive / 4, self.limits.send_timeout / 4)
        while True:
            await asyncio.sleep(interval)
            for member in list(self._members):
                await member.check(loop.time())

    def _shed(self) -> None:
        unsent = sum(member.unsent for member in self._members)
        while unsent > MAX_UNSENT:
            largest = max(self._members, key=lambda member: member.unsent)
            self.log.warning(
                "more than %d bytes wait for clients: the slowest are cut off", MAX_UNSENT
            )
            unsent -= largest.unsent
            self.dismiss(largest)
