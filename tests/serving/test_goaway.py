"""How HTTP/2 announces the end of a connection, and what its client may still send."""

import pytest
from hyperframe.frame import GoAwayFrame

from tests.live import started
from tests.serving.observed import Observed
from tests.serving.views import Views
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

ANY_STREAM = 2**31 - 1


async def test_a_client_with_one_stream_at_a_time_gets_goaway_between_two(
    views: Views, application: Observed
) -> None:
    async with started(application) as server, Http2.connect(server.address) as client:
        assert (await client.answer(await client.open("GET /"))).body == b"ok"
        waiting = await client.open("GET /wait")
        await application.busy(2)
        stopped = server.stop()
        await server.refuses()
        assert client.goodbyes == []
        views.go.set()
        assert (await client.answer(waiting)).body == b"waited"
        while not client.goodbyes:
            await client.receive()
        assert client.goodbyes == [waiting]
        # What crosses the goodbye is neither answered nor carried out, nor is it cut off.
        ignored = await client.open("POST /", end=False)
        await client.body(ignored, b"x" * 100, end=True)
        client.writer.write_eof()
        with pytest.raises(EOFError):
            await client.answer(ignored)
        await stopped
    assert application.begun == 2


async def test_an_idle_client_gets_goaway_at_once(application: Observed) -> None:
    async with started(application) as server, Http2.connect(server.address) as client:
        stream = await client.open("GET /")
        await client.answer(stream)
        stopped = server.stop()
        while not client.goodbyes:
            await client.receive()
        assert client.goodbyes == [stream]
        client.writer.close()
        await stopped


async def test_a_client_that_has_opened_no_stream_may_open_one(application: Observed) -> None:
    """Some clients take the number 0 in a goodbye for none."""
    async with started(application) as server, Http2.connect(server.address) as client:
        await client.flush()
        await client.receive()
        stopped = server.stop()
        await server.refuses()
        stream = await client.open("GET /")
        assert (await client.answer(stream)).body == b"ok"
        while not client.goodbyes:
            await client.receive()
        assert client.goodbyes == [stream]
        client.writer.close()
        await stopped


async def test_a_client_that_had_several_streams_gets_goaway_at_once(
    views: Views, application: Observed
) -> None:
    async with started(application) as server, Http2.connect(server.address) as client:
        streams = [await client.open("GET /wait") for _ in range(3)]
        await application.busy(3)
        stopped = server.stop()
        while not client.goodbyes:
            await client.receive()
        assert client.goodbyes == [ANY_STREAM]
        # One more that was under way when the goodbye was sent.
        streams.append(await client.open("GET /"))
        views.go.set()
        answers = [(await client.answer(stream)).body for stream in streams]
        assert answers == [b"waited", b"waited", b"waited", b"ok"]
        assert client.goodbyes == [ANY_STREAM]
        client.writer.close()
        await stopped


async def test_a_client_that_opens_several_streams_later_gets_goaway_then(
    views: Views, application: Observed
) -> None:
    async with started(application) as server, Http2.connect(server.address) as client:
        first = await client.open("GET /wait")
        await application.busy(1)
        stopped = server.stop()
        await server.refuses()
        second = await client.open("GET /")
        assert (await client.answer(second)).body == b"ok"
        assert client.goodbyes == [ANY_STREAM]
        views.go.set()
        assert (await client.answer(first)).body == b"waited"
        client.writer.close()
        await stopped


async def test_a_client_that_says_goodbye_still_gets_its_answers(
    views: Views, application: Observed
) -> None:
    async with started(application) as server, Http2.connect(server.address) as client:
        stream = await client.open("GET /wait")
        await application.busy(1)
        await client.send(GoAwayFrame().serialize())
        async with Http1.connect(server.address) as other:  # which shows that it has arrived
            await other.request("GET /")
            await other.response()
        views.go.set()
        assert (await client.answer(stream)).body == b"waited"
