"""How connections come to their ends: announced, and with every request answered."""

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from tests.live import HUNG, started
from tests.serving.observed import Observed
from tests.serving.views import Views
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")


async def test_a_request_on_an_idle_connection_is_answered_as_the_last_one(
    application: Observed,
) -> None:
    async with started(application) as server, Http1.connect(server.address) as client:
        await client.request("GET /")
        assert "connection" not in (await client.response()).headers
        stopped = server.stop()
        await server.refuses()
        await client.request("GET /")
        last = await client.response()
        assert (last.status, last.headers["connection"]) == (200, "close")
        assert await client.closed()
        await stopped


async def test_every_connection_that_the_kernel_has_established_is_served(
    application: Observed,
) -> None:
    """Those that aren't accepted yet too; closing the socket would reset them."""
    async with started(application) as server:
        port = urlsplit(server.address).port
        waiting = 100  # which the acceptor takes in several batches
        with ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(waiting)
            ]
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
            assert application.begun == 0
            await server.stop()
            answers = [client.makefile("rb").read() for client in clients]
    assert [answer.startswith(b"HTTP/1.1 200") for answer in answers] == [True] * waiting
    assert all(b"connection: close" in answer for answer in answers)


async def test_an_idle_connection_that_stays_so_is_closed_in_the_end(
    application: Observed,
) -> None:
    async with (
        started(application, keep_alive_timeout=HUNG) as server,
        Http1.connect(server.address) as new,
        Http1.connect(server.address) as used,
        Http2.connect(server.address) as multiplexed,
    ):
        await used.request("GET /")
        await used.response()
        await multiplexed.flush()
        stopped = server.stop(grace=0.1)
        assert await new.closed()
        assert await used.closed()
        assert not await multiplexed.closed()  # its settings came before
        await stopped


async def test_a_request_under_way_is_answered(views: Views, application: Observed) -> None:
    async with started(application) as server, Http1.connect(server.address) as client:
        await client.request("GET /wait")
        await application.busy(1)
        stopped = server.stop()
        await server.refuses()
        views.go.set()
        answer = await client.response()
        assert (answer.body, answer.headers["connection"]) == (b"waited", "close")
        await stopped


async def test_a_body_under_way_is_waited_for(application: Observed) -> None:
    async with started(application) as server, Http1.connect(server.address) as client:
        await client.request("POST /echo", "Content-Length: 6", body=b"abc")
        await application.busy(1)
        stopped = server.stop()
        await server.refuses()
        await client.send(b"def")
        assert (await client.response()).body == b"abcdef"
        await stopped


async def test_a_streamed_response_continues(views: Views, application: Observed) -> None:
    async with started(application) as server, Http1.connect(server.address) as client:
        await client.request("GET /stream")
        await client.head()
        assert await client.chunk() == b"first"
        stopped = server.stop()
        await server.refuses()
        views.go.set()
        assert await client.chunk() == b"last"
        assert await client.chunk() == b""  # the last one, so the response is complete
        client.writer.close()
        await stopped


async def test_more_requests_on_one_connection_than_hypercorn_has_in_mind(
    application: Observed,
) -> None:
    """Of the 1,001st it loses the answer."""
    async with started(application) as server, Http2.connect(server.address) as client:
        for _ in range(1_010):
            assert (await client.answer(await client.open("GET /"))).status == 200


async def test_a_connection_ends_with_its_client(application: Observed) -> None:
    """And not when its idle time is over."""
    async with (
        started(application, keep_alive_timeout=3600) as server,
        Http1.connect(server.address) as client,
    ):
        await client.request("GET /")
        await client.response()
        client.writer.write_eof()
        assert await client.closed()


async def test_a_connection_of_which_only_tls_knows_is_served(
    application: Observed, tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate, trusted = tmp_path / "certificate.pem", ssl.create_default_context()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.configure_trust(trusted)
    async with (
        started(application, tls_certfile=str(certificate)) as server,
        Http1.connect(server.address) as client,
        Http1.connect(server.address) as other,
    ):
        # Connections are taken in their order.
        await other.writer.start_tls(trusted, server_hostname="127.0.0.1")
        stopped = server.stop()
        await server.refuses()
        await client.writer.start_tls(trusted, server_hostname="127.0.0.1")
        for connection in (client, other):
            await connection.request("GET /")
            assert (await connection.response()).headers["connection"] == "close"
        await stopped


@pytest.mark.parametrize("stuck", ["body", "view", "reader", "stream"])
async def test_what_does_not_end_in_time_is_cut_off(
    application: Observed, stuck: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(application) as server:
        client_class = Http2 if stuck == "stream" else Http1
        async with client_class.connect(server.address) as client:
            if isinstance(client, Http2):
                await client.open("POST /echo", end=False)
            elif stuck == "body":
                await client.request("POST /echo", "Content-Length: 6", body=b"abc")
            else:
                await client.request("GET /wait" if stuck == "view" else "GET /big")
            await application.busy(1)
            await server.stop(grace=0)
            await application.idle()
            with pytest.raises((EOFError, ConnectionError)):
                await client.reader.readexactly(20_000_000)
    assert "cut off after 0 seconds: 1 connections" in caplog.messages
