"""The Flask class of this application: where its coroutines run, and what it holds."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any, Self, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, has_request_context, request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

from api.background import BackgroundLoop
from api.errors import problem_response
from api.expiry import Expiry
from api.hosts import AllowedHosts
from api.identity.key_set import KeySet
from api.identity.passwords import Passwords
from api.identity.provider import IdentityProvider
from api.identity.refresh_tokens import RefreshTokens
from api.identity.tokens import AccessTokens
from api.instruments import Instruments
from api.limiting.rate_limits import RateLimits
from api.problems import INTERNAL_ERROR
from api.readiness import Readiness
from api.settings import Settings
from storage import PoolOptions, open_database

T = TypeVar("T")

AWAIT = "serving.await"
"""Where an ASGI bridge leaves the function that waits for a coroutine on the server's loop."""


class Api(Flask):
    """Flask whose coroutines run on the server's event loop, or on one kept in the background."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("api", static_folder=None)
        self.settings = settings
        self.session_interface = NoSessions()
        self._allowed_hosts = AllowedHosts(settings)
        self.instruments = Instruments(settings.prometheus_multiproc_dir)
        self.database = open_database(
            settings.database_url,
            auto_migrate=settings.auto_migrate,
            pool=PoolOptions(
                size=settings.database_pool_size,
                timeout=settings.database_pool_timeout,
                statement_timeout=settings.database_statement_timeout,
                pgbouncer=settings.database_pgbouncer,
            ),
            observer=self.instruments,
        )
        self.tokens = AccessTokens(
            # The latest key is the last of the fallbacks.
            [settings.secret_key, *reversed(settings.secret_key_fallbacks)],
            lifetime=timedelta(seconds=settings.access_token_seconds),
        )
        self.refresh_tokens = RefreshTokens(settings.secret_key)
        self.identity_provider = (
            IdentityProvider(
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                access_token_claim=settings.jwt_access_token_claim,
                longest_lifetime=settings.jwt_max_token_seconds,
                keys=KeySet(settings.jwt_jwks_url),
            )
            if settings.jwt_jwks_url
            else None
        )
        self.expiry = Expiry(self.database)
        self.passwords = Passwords()
        self.rate_limits = RateLimits(settings)
        self.readiness = Readiness(self.database, self.rate_limits.available)
        self.failure: WSGIApplication = self.answer_failure
        """Answers in place of this application where it raised instead."""
        self._background = BackgroundLoop()
        self._is_async: dict[Callable[..., Any], bool] = {}

    async def __aenter__(self) -> Self:
        """Get ready to serve: see Database. Redis may be away; the log says so if it is."""
        await self.database.__aenter__()
        await self.rate_limits.available()
        self.expiry.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for what is running, then let go of what lives as long as the application."""
        async with AsyncExitStack() as stack:
            stack.callback(self.instruments.close)
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.expiry.stop)
            stack.push_async_callback(self.passwords.close)
            stack.push_async_callback(self.rate_limits.close)
            if self.identity_provider is not None:
                stack.push_async_callback(self.identity_provider.keys.close)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Flask asks for each hook and view of each request; whether it is async doesn't change.
        is_async = self._is_async.get(func)
        if is_async is None:
            is_async = self._is_async[func] = iscoroutinefunction(func)
        return self.async_to_sync(func) if is_async else func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, with what an application needs that answers alike under every host. Raises
        what the check of the host raises, which Flask answers in place of a view."""
        if request is None:
            return super().create_url_adapter(request)
        environ = request.environ
        self._allowed_hosts.check(environ)
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

    def iterate(self, chunks: AsyncGenerator[T, None]) -> Iterator[T]:
        """The items of `chunks` as they come; to be called while a request is handled."""
        return _iterate(chunks, self._runner())

    def answer_failure(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """A WSGI application: the answer when this one raised outside of Flask's own care."""
        with self.request_context(environ):
            response = problem_response(INTERNAL_ERROR)
            response = self.finalize_request(response, from_error_handler=True)
            return response(environ, start_response)

    def _runner(self) -> Callable[[Coroutine[Any, Any, Any]], Any]:
        bridge = request.environ.get(AWAIT) if has_request_context() else None
        return bridge or self._background.run


class NoSessions(SessionInterface):
    """Nobody is known by a cookie here; Flask's own would look for one in each request."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._none


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
