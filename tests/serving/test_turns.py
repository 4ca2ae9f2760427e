"""Whoever sends a lot at once makes others wait for a little of it, and not for all."""

import asyncio
import contextlib
import socket
from functools import partial
from urllib.parse import urlsplit

from serving.asgi import Receive, Scope, Send
from serving.turns import AT_ONCE, Turns
from tests.live import HUNG, started

MANY, OTHER = "127.0.0.1", "127.0.0.2"


async def next_turn() -> None:
    """Let everything run that is ready now."""
    await asyncio.sleep(0)


async def test_addresses_take_turns() -> None:
    turns = Turns()
    begun: list[object] = []
    for number in range(3 * AT_ONCE):
        if turns.take(MANY, partial(begun.append, number)):
            begun.append(number)
    assert begun == [*range(AT_ONCE)]
    assert not turns.take(OTHER, lambda: begun.append(OTHER))
    await next_turn()
    assert begun[AT_ONCE:] == [AT_ONCE, OTHER, *range(AT_ONCE + 1, 2 * AT_ONCE - 1)]
    await next_turn()
    await next_turn()
    assert len(begun) == 3 * AT_ONCE + 1
    assert turns.take(OTHER, lambda: None)


async def test_who_has_left_keeps_nobody_waiting() -> None:
    turns = Turns()
    waiting = [asyncio.ensure_future(turns.turn(MANY)) for _ in range(3 * AT_ONCE)]
    await next_turn()
    for task in waiting[AT_ONCE:-1]:
        task.cancel()
    async with asyncio.timeout(HUNG):
        await waiting[-1]


async def test_all_begin_where_no_turn_will_come() -> None:
    turns = Turns()
    begun: list[object] = []
    for number in range(3 * AT_ONCE):
        if turns.take(MANY, partial(begun.append, number)):
            begun.append(number)
    turns.begin_all()
    assert begun == [*range(3 * AT_ONCE)]


async def test_a_hundred_requests_of_one_address_are_not_all_handled_before_another() -> None:
    seen: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with started(application) as server:
        with contextlib.ExitStack() as stack:
            there = ("127.0.0.1", urlsplit(server.address).port)

            def request(source: str) -> socket.socket:
                client = socket.create_connection(there, HUNG, source_address=(source, 0))
                stack.enter_context(client)
                client.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
                return client

            # The loop doesn't run meanwhile: all of this arrives at once.
            for _ in range(100):
                request(MANY)
            other = request(OTHER)
            other.setblocking(False)
            async with asyncio.timeout(HUNG):
                answer = await asyncio.get_running_loop().sock_recv(other, 1024)
            assert answer.startswith(b"HTTP/1.1 204")
            assert seen.index(OTHER) <= 5 * AT_ONCE
