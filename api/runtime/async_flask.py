"""Flask whose coroutines run on the server's event loop, or on one in the background."""

import types
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Self, TypeVar
from wsgiref.types import WSGIApplication, WSGIEnvironment

from flask import Flask, Request, has_request_context, request
from flask.globals import app_ctx
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

from api.runtime.background_loop import BackgroundLoop
from api.runtime.services import Services

T = TypeVar("T")

AWAIT = "serving.await"
"""The environ key of the ASGI bridge's function that waits for a coroutine on the server's loop."""


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
        return self.url_map.bind(
            get_host(environ),
            environ.get("SCRIPT_NAME", ""),
            None,
            environ["wsgi.url_scheme"],
            environ["REQUEST_METHOD"],
            request.path,
            query_args=environ.get("QUERY_STRING", ""),
        )

    def async_to_sync(self, func: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
        run = self._runner()
        return lambda *args, **kwargs: run(func(*args, **kwargs))

    def run_eagerly(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` like `async_to_sync`, for one that rarely has to wait: under the bridge
        it runs here up to where it waits, so one that doesn't wait needs no switch to the loop."""
        run = self._runner()
        if run == self._background.run:
            return run(coroutine)  # there is no loop here
        try:
            awaited = coroutine.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration is untyped
        return run(_resumed(coroutine, awaited))  # type: ignore[no-any-return]

    def iterate(self, chunks: AsyncGenerator[T, None]) -> Iterator[T]:
        """Yield the members of `chunks` as they arrive; call it while a request is handled."""
        return _iterate(chunks, self._runner())

    def _runner(self) -> Callable[[Coroutine[Any, Any, Any]], Any]:
        bridge = request.environ.get(AWAIT) if has_request_context() else None
        return bridge or self._background.run


def this_app() -> AsyncFlask:
    """The application that handles the current request or command."""
    return app_ctx.app  # type: ignore[return-value]  # no other application has these views


class NoSessions(SessionInterface):
    """Disables Flask's cookie sessions, which would read a cookie in each request."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._none


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Await the rest of `coroutine`, which already waits for `awaited`."""
    while True:
        try:
            value = yield awaited
        except BaseException as error:  # noqa: BLE001  # raised again where the coroutine waits
            resume = partial(coroutine.throw, error)
        else:
            resume = partial(coroutine.send, value)
        try:
            awaited = resume()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration is untyped


def _iterate(
    chunks: AsyncGenerator[T, None], run: Callable[[Coroutine[Any, Any, Any]], Any]
) -> Iterator[T]:
    async def next_chunk() -> T:
        return await anext(chunks)

    try:
        while True:
            try:
                yield run(next_chunk())
            except StopAsyncIteration:
                return
    finally:
        run(chunks.aclose())
