"""Whoever sends a lot at once makes others wait for a little of it, and not for all."""

import asyncio
import contextlib
import socket
from functools import partial
from urllib.parse import urlsplit

from serving.asgi import Receive, Scope, Send
from serving.turns import MANY, Turns
from tests.live import HUNG, started

CROWD, OTHER = "127.0.0.1", "127.0.0.2"


async def next_turn() -> None:
    """Let everything run that is ready now."""
    await asyncio.sleep(0)


async def test_addresses_take_turns_and_a_crowd_begins_slowly() -> None:
    turns = Turns()
    begun: list[object] = []
    for number in range(3 * MANY):
        if turns.take(CROWD, partial(begun.append, number)):
            begun.append(number)
    assert begun == [*range(MANY)]
    assert not turns.take(OTHER, partial(begun.append, OTHER))
    await next_turn()
    assert begun[MANY:] == [MANY, OTHER]
    await next_turn()
    assert begun[MANY + 2 :] == [MANY + 1, MANY + 2]


async def test_one_address_alone_begins_much_at_once() -> None:
    turns = Turns()
    begun: list[object] = []
    for number in range(3 * MANY):
        turns.take("", partial(begun.append, number))
    await next_turn()
    assert begun == [*range(MANY, 2 * MANY)]
    await next_turn()
    assert begun == [*range(MANY, 3 * MANY)]
    await next_turn()
    assert turns.take("", partial(begun.append, ""))


async def test_who_has_left_keeps_nobody_waiting() -> None:
    turns = Turns()
    waiting = [asyncio.ensure_future(turns.turn(CROWD)) for _ in range(3 * MANY)]
    await next_turn()
    for task in waiting[1:-1]:
        task.cancel()
    async with asyncio.timeout(HUNG):
        await waiting[-1]


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
                request(CROWD)
            other = request(OTHER)
            other.setblocking(False)
            async with asyncio.timeout(HUNG):
                answer = await asyncio.get_running_loop().sock_recv(other, 1024)
            assert answer.startswith(b"HTTP/1.1 204")
            assert seen.index(OTHER) <= 2 * MANY
