"""The environ made from a request, and the headers of its answer."""

import io
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from flask import Response, request

from api.runtime.async_flask import AsyncFlask
from serving import AWAIT, Bridge
from serving.greenlets import wait_for
from tests.conftest import bridged
from tests.live import served
from tests.serving.call import Headers, answer_of, scope_for
from tests.serving.wire import Http1

pytestmark = pytest.mark.usefixtures("quiet")


class Environ:
    """An application that keeps the environ it is given."""

    def __init__(self) -> None:
        self.environ: WSGIEnvironment = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        self.environ = environ
        start_response("204 No Content", [])
        return []


async def environ_of(headers: Headers = (), **scope: Any) -> WSGIEnvironment:
    application = Environ()
    assert (await answer_of(Bridge(application), headers=headers, **scope)).status == 204
    return application.environ


async def test_the_environ_is_whole() -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3"), (b"x-a", b"1")]
    environ = await environ_of(headers, method="PUT", path="/ä b", query=b"q=%FC&r")
    assert isinstance(environ.pop("wsgi.input"), io.BufferedReader)
    assert environ.pop("wsgi.errors").writable()
    assert environ.pop(AWAIT) is wait_for
    assert environ == {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/ä b".encode().decode("latin-1"),
        "QUERY_STRING": "q=%FC&r",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "HTTP_HOST": "api.test",
        "HTTP_X_A": "1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "serving.stopping": False,
    }


async def test_repeated_headers_are_joined_by_commas_but_cookies_by_semicolons() -> None:
    headers = [(b"accept", b"a/b"), (b"cookie", b"a=1"), (b"accept", b"c/d"), (b"cookie", b"b=2")]
    environ = await environ_of(headers)
    assert environ["HTTP_ACCEPT"] == "a/b,c/d"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


async def test_without_a_cookie_there_is_none() -> None:
    assert "HTTP_COOKIE" not in await environ_of()


async def test_a_header_with_an_underscore_passes_for_no_other() -> None:
    headers = [(b"x_request_id", b"forged"), (b"content_length", b"9"), (b"x-request-id", b"abc")]
    environ = await environ_of(headers)
    assert environ["HTTP_X_REQUEST_ID"] == "abc"
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


async def test_takes_as_many_repeated_headers_as_the_server_does() -> None:
    environ = await environ_of([(b"x-a", b"%d" % n) for n in range(1000)])
    assert environ["HTTP_X_A"] == ",".join(map(str, range(1000)))


@pytest.mark.parametrize("query", [bytes(range(256)), b"", b"a=%"])
async def test_takes_any_bytes_in_the_query(query: bytes) -> None:
    environ = await environ_of(query=query)
    assert environ["QUERY_STRING"].encode("latin-1") == query


async def test_takes_latin_1_in_a_header() -> None:
    environ = await environ_of([(b"x-name", "Jürgen".encode("latin-1"))])
    assert environ["HTTP_X_NAME"] == "Jürgen"


async def test_leaves_the_servers_scope_as_it_is() -> None:
    """Where an ASGI middleware has kept it, it must find it again."""
    scope = scope_for(headers=[(b"x_a", b"1")], query=b"q=1")
    before = {**scope, "headers": list(scope["headers"])}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    await Bridge(Environ())(scope, receive, send)
    assert scope == before


@pytest.mark.parametrize(
    ("path", "rest"), [("/api/x", "/x"), ("/api", ""), ("/apix", "/apix"), ("/x", "/x")]
)
async def test_the_root_path_is_removed_from_the_path(path: str, rest: str) -> None:
    environ = await environ_of(path=path, root_path="/api")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/api", rest)


async def test_a_scope_may_leave_out_what_it_may() -> None:
    scope = scope_for()
    for optional in ("query_string", "client", "server", "scheme", "root_path"):
        del scope[optional]
    application = Environ()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    await Bridge(application)(scope, receive, send)
    assert application.environ["QUERY_STRING"] == ""
    assert application.environ["SERVER_NAME"] == "localhost"


async def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="'carrier-pigeon'"):
        await Bridge(Environ())({"type": "carrier-pigeon"}, None, None)  # type: ignore[arg-type]  # never called


@pytest.mark.no_database
async def test_latin_1_goes_out_as_it_came_in(app: AsyncFlask) -> None:
    def echo() -> Response:
        return Response("text", headers={"X-Name": request.headers["X-Name"]})

    app.add_url_rule("/echo", view_func=echo)
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        await client.request("GET /echo", "X-Name: Jürgen")
        response = await client.response()
    assert (response.status, response.headers["x-name"]) == (200, "Jürgen")


@pytest.mark.parametrize("path", ["/api/health", "/api/gizmos", "/nope", "/docs", "/"])
async def test_a_head_has_the_headers_of_get_and_no_body(
    client: httpx.AsyncClient, path: str
) -> None:
    get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for response in (get, head):
        for name in ("X-Request-ID", "RateLimit", "Date"):  # each request has its own
            response.headers.pop(name, None)
    assert head.headers == get.headers


@pytest.mark.no_database
async def test_a_connection_can_be_used_again_after_a_head(app: AsyncFlask) -> None:
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        for _ in range(3):
            await client.request("HEAD /api/health")
            head = await client.head()
            assert (head.status, int(head.headers["content-length"]) > 0) == (200, True)
