"""All pages of a list."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Protocol, TypeVar

from items_api_client.models import Problem
from items_api_client.types import UNSET, Unset


class Page(Protocol):
    next_cursor: str | None


P = TypeVar("P", bound=Page)


class ListFailed(Exception):
    """The API refused a page; `problem` says why, if the response had one."""

    def __init__(self, problem: Problem | None) -> None:
        super().__init__(problem.detail if problem else "no page and no problem")
        self.problem = problem


def pages(get: Callable[[str | Unset], P | Problem | None]) -> Iterator[P]:
    """Iterate over every page, the first one first; `get` returns the page at a cursor.

    Raises ListFailed.
    """
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = _page(get(cursor))
        yield page
        cursor = page.next_cursor


async def async_pages(
    get: Callable[[str | Unset], Awaitable[P | Problem | None]],
) -> AsyncIterator[P]:
    """`pages`, with asyncio."""
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = _page(await get(cursor))
        yield page
        cursor = page.next_cursor


def _page(result: P | Problem | None) -> P:
    if result is None or isinstance(result, Problem):
        raise ListFailed(result)
    return result
