"""All connections of a server together: checking them, and making room for another one."""

import asyncio
from collections import Counter

from serving.config import Options
from serving.connections import CHECKED_PER_TURN, Connections


class Waiting:
    """A connection that has nothing to do; `checked` gets `turn` with each check."""

    client, unsent = "127.0.0.1", 0
    turn = 0

    def __init__(self, checked: list[int], *, is_busy: bool = False) -> None:
        self._checked = checked
        self._is_busy = is_busy

    @property
    def waits_for_client(self) -> bool:
        self._checked.append(Waiting.turn)
        return not self._is_busy

    def abort(self) -> None: ...

    async def check(self, now: float) -> bool:
        self._checked.append(Waiting.turn)
        return False


async def test_many_connections_are_checked_a_few_in_each_turn() -> None:
    checked: list[int] = []
    connections = Connections(Options(keep_alive_timeout=0.01))
    for _ in range(100):
        connections.add(Waiting(checked))
    watching = asyncio.ensure_future(connections.watch())
    while len(checked) < 100:
        Waiting.turn += 1
        await asyncio.sleep(0)
    watching.cancel()
    assert max(Counter(checked[:100]).values()) <= CHECKED_PER_TURN


async def test_making_room_looks_at_each_connection_in_use_once() -> None:
    """For each new connection it looked at all of them: 1 ms for 768."""
    looked_at: list[int] = []
    connections = Connections(Options())
    for number in range(200):
        connections.add(Waiting(looked_at, is_busy=number < 100))
    for _ in range(100):
        waiting = connections.longest_waiting()
        assert waiting is not None
        connections.dismiss(waiting)
    assert len(looked_at) == 200
    assert connections.longest_waiting() is None
