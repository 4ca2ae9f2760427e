"""HTTP/1.1 as RFC 9112 has it: what could be read in two ways is refused, and the rest is not."""

import re
import sys
from types import FrameType
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from serving import Bridge
from serving.http1_parser import MAX_FIELDS
from tests.live import served
from tests.serving.observed import Observed
from tests.serving.wire import Http1

pytestmark = pytest.mark.usefixtures("quiet")

LINE = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
MAX_HEAD = 16 * 1024
COUNTED = re.compile("/(h11|hypercorn|(?<!tests/)serving)/")
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Says what it was asked for, at which host, and with which body."""
    body = environ["wsgi.input"].read().decode()
    target = environ["PATH_INFO"] + (f"?{query}" if (query := environ["QUERY_STRING"]) else "")
    answer = f"{environ['HTTP_HOST']} {target} {body}".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


@pytest.fixture
def bridge() -> Observed:
    return Observed(Bridge(application))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (LINE + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
        (LINE + CHUNKED + b"Content-Length: 0\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: a\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\tc\r\n\r\n", 400),
        *((b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b%cc\r\n\r\n" % c, 400) for c in b"\0\1\x1b\x7f"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n", 400),
        (b"GET relative HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://b/c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://user@b/c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http:///c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (LINE + b"a:\r\n" * MAX_FIELDS + b"\r\n", 431),
        (LINE + b"a:\r\n" * 15_000 + b"\r\n", 431),
        (LINE + b"X-A: " + b"b" * MAX_HEAD + b"\r\n\r\n", 431),
    ],
    ids=lambda value: repr(value)[:80],
)
async def test_what_is_ambiguous_is_refused_and_ends_the_connection(
    bridge: Observed, request_: bytes, status: int
) -> None:
    async with served(bridge, http2_cleartext=False) as address, Http1.connect(address) as client:
        await client.send(request_ + NEXT)
        response = await client.response()
        assert (response.status, response.headers["connection"]) == (status, "close")
        assert await client.closed()  # the request behind it is not answered
    assert bridge.begun == 0


@pytest.mark.parametrize(
    "chunks",
    [
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\t\r\nhello\r\n0\r\n\r\n",
        b"5;a=b \r\nhello\r\n0\r\n\r\n",
        b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
        b"5;a=\x01\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
        b"5;a=%b\r\nhello\r\n0\r\n\r\n" % (b"b" * 256),
        b"5\r\nhello\r\n0\r\n" + b"a:\r\n" * 15_000 + b"\r\n",
    ],
    ids=lambda value: repr(value)[:80],
)
async def test_a_chunk_that_is_ambiguous_is_refused_and_ends_the_connection(
    bridge: Observed, chunks: bytes
) -> None:
    status = 431 if len(chunks) > MAX_HEAD else 400
    async with served(bridge) as address, Http1.connect(address) as client:
        await client.send(LINE + CHUNKED + b"\r\n" + chunks + NEXT)
        assert (await client.response()).status == status
        assert await client.closed()


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"\r\n" + NEXT, b"a /next "),
        (b"GET http://b.test:81/c?d=e HTTP/1.1\r\nHost: a\r\n\r\n", b"b.test:81 /c?d=e "),
        (b"GET HTTPS://b.test HTTP/1.1\r\nHost: a\r\n\r\n", b"b.test / "),
        (b"GET http://b.test?d HTTP/1.1\r\nHost: a\r\n\r\n", b"b.test /?d "),
        (LINE + CHUNKED + b"\r\n5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n", b"a /echo hello"),
        (LINE + b"a:\r\n" * (MAX_FIELDS - 1) + b"\r\n", b"a /echo "),
        (LINE + b"Content-Length: 5\r\nX-A: \xe9\t\x80\r\n\r\nhello\r\n", b"a /echo hello"),
    ],
)
async def test_what_the_rfc_allows_is_answered_and_the_connection_kept(
    bridge: Observed, request_: bytes, answer: bytes
) -> None:
    async with served(bridge) as address, Http1.connect(address) as client:
        for _ in range(2):
            await client.send(request_)
            assert (await client.response()).body == answer


@pytest.mark.parametrize("rest", [b"\r\n", NEXT, b"\0" * 10_000])
@pytest.mark.parametrize("last", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
async def test_what_follows_the_last_request_is_ignored(
    bridge: Observed, last: bytes, rest: bytes
) -> None:
    request = b"POST /echo %b\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" % last
    async with served(bridge) as address, Http1.connect(address) as client:
        await client.send(request + rest)
        response = await client.response()
        assert (response.status, response.body) == (200, b"a /echo hello")
        assert await client.closed()
    assert bridge.begun == 1


@pytest.mark.parametrize("method", ["patch", "Get", "head", "M-SEARCH", "123"])
async def test_methods_and_paths_arrive_as_they_were_sent(method: str) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        answer = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]

    async with served(Bridge(application)) as address, Http1.connect(address) as client:
        await client.request(f"{method} //a")
        assert (await client.response()).body == f"{method} //a".encode()
        await client.send(NEXT)
        assert (await client.response()).body == b"GET /next"


async def test_an_empty_line_may_come_in_two_parts(bridge: Observed) -> None:
    async with served(bridge) as address, Http1.connect(address) as client:
        await client.send(b"\r")
        await client.send(b"\n" + NEXT)
        assert (await client.response()).body == b"a /next "


async def test_an_upgrade_to_http2_is_ignored(bridge: Observed) -> None:
    """Whatever it is said to be; behind a proxy it would go round the proxy's rules."""
    settings = b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    async with served(bridge) as address, Http1.connect(address) as client:
        for more in (b"", settings):
            connection = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n" + connection + more + b"\r\n")
            assert (await client.response()).body == b"a /a "


async def test_a_client_that_closes_its_sending_side_gets_its_answers_and_no_more(
    bridge: Observed,
) -> None:
    async with (
        served(bridge, keep_alive_timeout=3600) as address,
        Http1.connect(address) as client,
    ):
        await client.send(NEXT + NEXT)
        client.writer.write_eof()
        assert (await client.response()).body == b"a /next "
        assert (await client.response()).body == b"a /next "
        assert await client.closed()


async def test_a_request_costs_few_calls_of_python_functions() -> None:
    """At most a tenth more than there are on Python 3.11, without those of asyncio."""
    counted = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal counted
        counted += event == "call" and COUNTED.search(frame.f_code.co_filename) is not None

    async with served(Bridge(application)) as address, Http1.connect(address) as client:
        try:
            for _ in range(21):
                await client.request("GET /", "Accept: */*", "User-Agent: a")
                assert (await client.response()).status == 200
                sys.setprofile(count)
        finally:
            sys.setprofile(None)
    assert counted / 20 < 162
