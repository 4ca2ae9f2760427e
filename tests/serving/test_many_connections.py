"""More connections than the limit: idle ones are closed for new ones."""

import asyncio
import contextlib
import gc
import re
import resource
import socket
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from serving.connections import RESERVED, descriptors_for_connections
from tests.live import HUNG, Running, started
from tests.serving.observed import Observed
from tests.serving.test_runner import running
from tests.serving.views import Views
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

LIMIT = 5


@pytest.fixture
async def server(application: Observed) -> AsyncIterator[Running]:
    async with started(
        application, grace=0, keep_alive_timeout=HUNG, max_connections=LIMIT
    ) as running_server:
        yield running_server


@contextlib.asynccontextmanager
async def stalled(
    server: Running, count: int, *, said: bytes = b"", client_class: type[Http1] = Http1
) -> AsyncIterator[list[Http1]]:
    """`count` connections, one after the other, whose clients say no more than `said`."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await stack.enter_async_context(client_class.connect(server.address))
            if isinstance(client, Http2):
                await client.open("POST /echo", end=False)
            await client.send(said)
            clients.append(client)
        yield clients


HEAD = b"POST /echo HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("client_class", "said"),
    [
        (Http1, b""),
        (Http1, b"GET / HTTP/1.1\r\nHos"),
        (Http1, HEAD + b"Content-Length: 9\r\n\r\nhello"),
        (Http1, HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        (Http1, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        (Http2, b""),
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "an upgrade", "half a stream"],
)
async def test_clients_that_say_no_more_make_room(
    server: Running,
    client_class: type[Http1],
    said: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stalled(server, 6 * LIMIT, said=said, client_class=client_class) as clients:
        async with Http1.connect(server.address) as client:
            await client.request("GET /")
            assert (await client.response()).body == b"ok"
        # The oldest have gone, and the latest are still there.
        assert await clients[0].reader.read() is not None
        assert not clients[-1].reader.at_eof()
        assert len(server.server._connections) <= LIMIT
    [line] = [line for line in caplog.messages if "connections" in line]
    assert line.startswith(f"the limit of {LIMIT} connections is reached: closing those that wait")


async def test_a_connection_in_use_outlives_those_that_are_not(server: Running) -> None:
    async with Http1.connect(server.address) as client:
        for _ in range(3):
            async with stalled(server, LIMIT - 1):
                await client.request("GET /")
                assert (await client.response()).body == b"ok"


@pytest.mark.parametrize("client_class", [Http1, Http2])
async def test_ended_connections_leave_no_work_for_the_collector(
    server: Running, client_class: type[Http1]
) -> None:
    """Where thousands are open, a collection of all objects delays every client."""
    gc.disable()
    try:
        async with stalled(server, LIMIT, client_class=client_class) as clients:
            if client_class is Http1:
                for client in clients:
                    await client.request("GET /")
                    assert (await client.response()).body == b"ok"
            freed = []
            for connection in server.server._connections:
                freed.append(asyncio.get_running_loop().create_future())
                weakref.finalize(connection, freed[-1].set_result, None)
            del connection
            assert len(freed) == LIMIT
        await asyncio.wait_for(asyncio.gather(*freed), HUNG)
    finally:
        gc.enable()


async def test_when_all_have_a_request_the_next_one_waits(
    server: Running, views: Views, application: Observed
) -> None:
    request = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
    async with stalled(server, LIMIT, said=request) as clients:
        await application.busy(LIMIT)
        async with Http1.connect(server.address) as late, Http1.connect(server.address) as later:
            await late.request("GET /")
            await later.request("GET /")
            views.go.set()
            for client in clients:
                assert (await client.response()).body == b"waited"
            # The others are idle now, and make room.
            assert (await late.response()).body == b"ok"
            assert (await later.response()).body == b"ok"


@contextlib.contextmanager
def soft_limit(descriptors: int) -> Iterator[int]:
    """The soft limit of this process, which those inherit that it starts; the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, before[1]))
    try:
        yield before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("soft", "left"), [(1024, 1024 - RESERVED), (400, 200)])
def test_connections_leave_descriptors_for_all_else(soft: int, left: int) -> None:
    with soft_limit(soft):
        assert descriptors_for_connections() == left


def test_a_start_raises_the_soft_limit_of_descriptors(tmp_path: Path) -> None:
    with soft_limit(600) as hard, running(tmp_path) as server:
        server.wait_until_it_listens()
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        assert re.search(r"Max open files +(\d+) +(\d+)", limits).groups() == (str(hard),) * 2  # type: ignore[union-attr]  # the kernel has this line


def test_without_descriptors_open_connections_are_served_and_the_log_stays_short(
    tmp_path: Path,
) -> None:
    """The limit is set lower than the process has seen it, so that it runs out of them."""
    with running(tmp_path) as server, contextlib.ExitStack() as stack:
        address = server.wait_until_it_listens()
        with httpx.Client(base_url=address, timeout=HUNG) as connected:
            assert connected.get("/api/health").status_code == 200
            used = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))
            for _ in range(200):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), HUNG))
            for _ in range(20):
                assert connected.get("/api/health").status_code == 200
            assert httpx.get(f"{address}/api/health", timeout=HUNG).status_code == 200
        server.process.terminate()
        code, log = server.end()
    lines = [line for line in log.splitlines() if "no connection can be accepted" in line]
    assert code == 0
    assert 1 <= len(lines) <= 3
    assert "Too many open files" in lines[0]
    assert "Traceback" not in log
