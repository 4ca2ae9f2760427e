"""A client that sends a lot at once makes others wait for a little of it, and not for all."""

import asyncio
import contextlib
import socket
import sys
from urllib.parse import urlsplit

import h11
import pytest

from serving.asgi import Receive, Scope, Send
from serving.http1_parser import StrictConnection
from serving.turns import (
    ACTIVE,
    PER_TURN,
    PER_TURN_WHEN_CROWDED,
    SWITCH_INTERVAL,
    SWITCH_INTERVAL_WHEN_CROWDED,
    Turns,
    client_of,
)
from tests.live import HUNG, started

MANY, OTHER = "127.0.0.1", "127.0.0.2"


async def no_content(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def next_turn() -> None:
    """Let everything run that is ready now, and what that makes ready."""
    for _ in range(2):
        await asyncio.sleep(0)


class Begun(list[object]):
    """What has begun, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = Turns()
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, client: str, name: object) -> "asyncio.Task[None]":
        async def begin() -> None:
            await self._turns.turn(client)
            self.append(name)

        task = asyncio.ensure_future(begin())
        self._tasks.append(task)
        return task


async def test_clients_take_turns_and_a_crowd_begins_slowly() -> None:
    begun = Begun()
    for number in range(4 * PER_TURN):
        begun.ask(MANY, number)
    begun.ask(OTHER, OTHER)
    await asyncio.sleep(0)
    assert begun == [*range(PER_TURN)]
    await next_turn()
    assert begun[PER_TURN:] == [PER_TURN, OTHER]
    await next_turn()
    assert begun[PER_TURN + 2 :][:PER_TURN_WHEN_CROWDED] == [PER_TURN + 1, PER_TURN + 2]
    assert len(begun) < 2 * PER_TURN


async def test_a_crowd_that_only_waits_begins_slowly_beside_a_client_that_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, now = asyncio.get_running_loop(), 0.0
    monkeypatch.setattr(loop, "time", lambda: now)
    begun = Begun()
    for number in range(100 * PER_TURN):
        begun.ask(MANY, number)
    for _ in range(10):
        now += ACTIVE / 2
        await begun.ask(OTHER, OTHER)
        await next_turn()
        before = len(begun)
        await next_turn()
        assert len(begun) - before <= 2 * PER_TURN_WHEN_CROWDED


async def test_in_a_crowd_other_threads_get_pythons_lock_sooner() -> None:
    begun = Begun()
    alone = [begun.ask(MANY, number) for number in range(4 * PER_TURN)]
    await asyncio.gather(*alone)
    assert sys.getswitchinterval() == SWITCH_INTERVAL
    crowd = [begun.ask(MANY, number) for number in range(4 * PER_TURN)]
    await asyncio.gather(begun.ask(OTHER, OTHER))
    await next_turn()
    assert sys.getswitchinterval() == SWITCH_INTERVAL_WHEN_CROWDED
    await asyncio.gather(*crowd)
    await next_turn()
    assert sys.getswitchinterval() == SWITCH_INTERVAL


async def test_one_client_alone_begins_much_at_once() -> None:
    begun = Begun()
    tasks = [begun.ask("", number) for number in range(3 * PER_TURN)]
    await asyncio.sleep(0)
    assert begun == [*range(PER_TURN)]
    await next_turn()
    assert begun == [*range(2 * PER_TURN)]
    await asyncio.gather(*tasks)
    assert begun == [*range(3 * PER_TURN)]


async def test_a_connection_that_has_ended_takes_no_turn() -> None:
    begun = Begun()
    tasks = [begun.ask(MANY, number) for number in range(5 * PER_TURN)]
    await asyncio.sleep(0)
    for task in tasks[PER_TURN:-1]:
        task.cancel()
    await next_turn()
    assert begun == [*range(PER_TURN), 5 * PER_TURN - 1]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8:1:2:3::4", 1, 0, 0), "2001:db8:1:2::"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::"),
        (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1"),
        ("", ""),
    ],
)
def test_a_client_has_all_addresses_of_its_network(address: object, client: str) -> None:
    assert client_of(address) == client


async def test_a_hundred_heads_of_one_client_are_not_all_parsed_before_that_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[bytes] = []
    check = StrictConnection._checked

    def checked(connection: StrictConnection, request: h11.Request) -> h11.Request:
        parsed.append(request.target)
        return check(connection, request)

    monkeypatch.setattr(StrictConnection, "_checked", checked)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(HUNG), started(no_content) as server:
        with contextlib.ExitStack() as stack:
            clients = []
            for source in [MANY] * 100 + [OTHER]:
                there = ("127.0.0.1", urlsplit(server.address).port)
                client = socket.create_connection(there, HUNG, source_address=(source, 0))
                clients.append(stack.enter_context(client))
                client.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
                client.setblocking(False)
                await loop.sock_recv(client, 1024)
            # The loop doesn't run meanwhile: all of this arrives at once.
            for client in clients:
                client.sendall(b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n" % clients.index(client))
            assert await loop.sock_recv(clients[-1], 1024)
            assert parsed[len(clients) :].index(b"/100") <= 2 * PER_TURN


async def test_a_hundred_requests_of_one_client_are_not_all_handled_before_another() -> None:
    seen: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])
        await no_content(scope, receive, send)

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
            assert seen.index(OTHER) <= 2 * PER_TURN


async def test_a_request_that_has_arrived_is_answered_after_a_stall_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    request = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
    async with started(no_content, keep_alive_timeout=5) as server:
        there = ("127.0.0.1", urlsplit(server.address).port)
        with socket.create_connection(there, HUNG) as client:
            client.sendall(request)
            client.setblocking(False)
            assert await loop.sock_recv(client, 1024)
            now = loop.time()
            monkeypatch.setattr(loop, "time", lambda: now)
            now += 1  # the time of the next check
            for _ in range(2):
                await asyncio.sleep(0)
            # In this turn of the loop, the check comes next. The request arrives before it.
            client.sendall(request)
            now += 6
            assert (await loop.sock_recv(client, 1024)).startswith(b"HTTP/1.1 204")
            monkeypatch.undo()
