"""The objects that live as long as the application, each found by its type.

database = service(Database)

async def get_something() -> Row: return await database.read(...)
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar, cast

from flask.globals import app_ctx
from werkzeug.local import LocalProxy

T = TypeVar("T")
Step = Callable[[Any], Awaitable[object]]


class Services:
    """Started in the order in which they are added, and closed in the reverse one."""

    def __init__(self) -> None:
        self._by_type: dict[type[Any], Any] = {}
        self._starts: dict[type[Any], Step] = {}
        self._closes: dict[type[Any], Step] = {}

    def add(
        self,
        kind: type[T],
        service: T,
        *,
        start: Callable[[T], Awaitable[object]] | None = None,
        close: Callable[[T], Awaitable[object]] | None = None,
    ) -> None:
        """Make `service` the one of its `kind`."""
        self[kind] = service
        if start is not None:
            self._starts[kind] = start
        if close is not None:
            self._closes[kind] = close

    def __getitem__(self, kind: type[T]) -> T:
        """Raises KeyError where none of this kind has been added."""
        return cast(T, self._by_type[kind])

    def __setitem__(self, kind: type[T], service: T) -> None:
        self._by_type[kind] = service

    def get(self, kind: type[T]) -> T | None:
        """The same for a service that depends on the settings: None where there is none."""
        return self._by_type.get(kind)

    async def start(self) -> None:
        """Raises what a service raises that can't start."""
        for kind, start in self._starts.items():
            await start(self[kind])

    async def close(self) -> None:
        """Close all of them, even if one of them raises."""
        async with AsyncExitStack() as stack:
            for kind, close in self._closes.items():
                stack.push_async_callback(close, self[kind])


class HasServices(Protocol):
    services: Services


def current_services() -> Services:
    """The services of the application that handles the current request or command."""
    return cast(HasServices, app_ctx.app).services


def service(kind: type[T]) -> T:
    """Return a proxy for the service of this kind, for modules: it is looked up at each use."""
    return cast(T, LocalProxy(lambda: current_services()[kind]))
