"""A web site of its own origin: a server of the standard library with one empty page."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

Server = TypeVar("Server", bound=ThreadingHTTPServer)

PAGE = b'<!doctype html><title>An app</title><link rel="icon" href="data:,">'


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""


@contextlib.contextmanager
def serve_origin() -> Iterator[str]:
    """Serve the page on a free port, and give the origin, such as http://127.0.0.1:41235."""
    with running(ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run a web server in a thread of its own."""
    with server:
        # The interval is how long an end may take, not how long a request does.
        thread = threading.Thread(target=server.serve_forever, args=[0.02], name="origin")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
