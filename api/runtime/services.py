"""The objects that live as long as the application, accessed by their type."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask.globals import app_ctx
from werkzeug.local import LocalProxy

T = TypeVar("T")
Step = Callable[[Any], Awaitable[object]]


class Services(dict[type[Any], Any]):
    """Services by their types, started in the order in which they are added, and closed in reverse
    order."""

    if TYPE_CHECKING:

        def __getitem__(self, kind: type[T]) -> T: ...

    def __init__(self) -> None:
        super().__init__()
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
        self[kind] = service
        if start is not None:
            self._starts[kind] = start
        if close is not None:
            self._closes[kind] = close

    async def start(self) -> None:
        """Start all services. Raises the exception of the first one that can't start."""
        for kind, start in self._starts.items():
            await start(self[kind])

    async def close(self) -> None:
        """Close all services, even if one raises an exception."""
        async with AsyncExitStack() as stack:
            for kind, close in self._closes.items():
                stack.push_async_callback(close, self[kind])


def service(kind: type[T]) -> T:
    """Return a proxy for the service of this kind, for modules: it is looked up at each use."""
    return cast(T, LocalProxy(lambda: app_ctx.app.services[kind]))  # type: ignore[attr-defined]  # an AsyncFlask
