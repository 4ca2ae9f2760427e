"""A WSGI application whose responses a test can hold back."""

import asyncio
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from serving import AWAIT


class Views:
    """`/` answers at once, `/wait` once `go` is set, `/echo` with its body, `/big` with a lot, and
    `/stream` half at once and half once `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/stream":
                start_response("200 OK", [])
                return self.stream(environ)
            case "/wait":
                environ[AWAIT](self.go.wait())
                body = b"waited"
            case "/echo":
                body = environ["wsgi.input"].read()
            case "/big":
                body = b"x" * 10_000_000
            case _:
                body = b"ok"
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def stream(self, environ: WSGIEnvironment) -> Iterator[bytes]:
        yield b"first"
        environ[AWAIT](self.go.wait())
        yield b"last"
