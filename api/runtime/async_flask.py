"""Flask whose coroutines run on the server's event loop, or on one in the background."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any, Self, TypeVar
from wsgiref.types import WSGIApplication, WSGIEnvironment

from flask import Flask, Request, has_request_context, request
from flask.globals import app_ctx
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

from api.runtime.services import Services

T = TypeVar("T")
Wait = Callable[[Coroutine[Any, Any, Any]], Any]

AWAIT = "serving.await"
"""The environ key of the ASGI bridge's function that waits for a coroutine on the server's loop."""


class BackgroundLoop:
    """An event loop in a thread, for servers without one: Gunicorn, `flask run`, the test client.

    It starts with the first coroutine, so after a fork. asgiref's own async_to_sync makes a loop
    for each call, and objects that outlive a call (a pool of asynchronous connections) would then
    belong to a closed loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for `coroutine`, which sees the context variables of the calling thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop()).result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(
                    target=self._loop.run_forever, name="background-loop", daemon=True
                ).start()
            return self._loop


class AsyncFlask(Flask):
    """Flask with async views on the server's loop; as an asynchronous context manager it starts and
    closes its services."""

    failure: WSGIApplication
    """Responds instead of this application if it raised an exception."""
    check_host: Callable[[WSGIEnvironment], None]
    """Raises an exception for a request whose host isn't allowed."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)
        self.session_interface = NoSessions()
        self.services = Services()
        self._background = BackgroundLoop()
        self._is_async: dict[Callable[..., Any], bool] = {}

    async def __aenter__(self) -> Self:
        await self.services.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for running work, then close the services."""
        await self.services.close()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Cached: Flask calls this for each hook and view of each request.
        is_async = self._is_async.get(func)
        if is_async is None:
            is_async = self._is_async[func] = iscoroutinefunction(func)
        return self.async_to_sync(func) if is_async else func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Like Flask's, for an application whose routes are the same for every host. Flask handles
        an exception of `check_host` as if a view had raised it."""
        if request is None:
            return super().create_url_adapter(request)
        environ = request.environ
        self.check_host(environ)
        adapter = self.url_map.bind(
            get_host(environ),
            environ.get("SCRIPT_NAME", ""),
            None,
            environ["wsgi.url_scheme"],
            environ["REQUEST_METHOD"],
            request.path,
            query_args=environ.get("QUERY_STRING", ""),
        )
        require_exact(adapter, environ)
        return adapter

    def async_to_sync(self, func: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
        wait = self.wait
        return lambda *args, **kwargs: wait(func(*args, **kwargs))

    @property
    def wait(self) -> Wait:
        """The function that runs a coroutine for the current request and returns its result."""
        bridge = request.environ.get(AWAIT) if has_request_context() else None
        return bridge or self._background.run


def require_exact(adapter: MapAdapter, environ: WSGIEnvironment) -> None:
    """Raise an exception for a path and a method that Werkzeug would correct: a proxy in front
    applies its rules for /api to neither `//api` nor `patch`.

    It is raised here and not by the server, whose responses have no CORS headers: both are frequent
    mistakes in browser apps, since `fetch` sends them as they are written.
    """
    if environ.get("PATH_INFO", "").startswith("//"):
        raise NotFound("The path begins with two slashes. Remove the one that ends the base URL.")
    method = environ["REQUEST_METHOD"]
    if method.isupper():
        return
    methods = list(adapter.allowed_methods())
    if method.upper() in methods:
        raise MethodNotAllowed(methods, f"Methods are case-sensitive: send {method.upper()}.")


def this_app() -> AsyncFlask:
    """The application that handles the current request or command."""
    return app_ctx.app  # type: ignore[return-value]  # no other application has these views


def is_preflight() -> bool:
    """Return whether the request is a CORS preflight, which browsers send before another request
    (Fetch standard)."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


class NoSessions(SessionInterface):
    """Disables Flask's cookie sessions, which would read a cookie in each request."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._none
