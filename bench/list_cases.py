"""The lists that bench/lists.py measures: of gizmos, and of bookings."""

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from bench.dataset import RELATED, START, gizmos, owned
from storage import Database
from storage.collections.collection import Collection
from storage.collections.orders import Position
from storage.collections.viewers import Viewer
from tests.bookings import BOOKINGS

LATER = START + timedelta(days=1000)

Work = Callable[[Database, Viewer], Awaitable[object]]


class Case(NamedTuple):
    name: str
    wanted: bool
    """Whether the ratios of the case should be at most 1.5."""
    work: Callable[[Collection, int], Work]

    @property
    def bound(self) -> str:
        return "1.5" if self.wanted else ""


def page(after: Position | None = None, **wanted: Any) -> Callable[[Collection, int], Work]:
    def of(collection: Collection, size: int) -> Work:
        assert set(wanted) <= {"sort", *collection.filters}
        return lambda database, viewer: database.read(
            collection.page, viewer, wanted, limit=50, after=after
        )

    return of


def total(**wanted: Any) -> Callable[[Collection, int], Work]:
    def of(collection: Collection, size: int) -> Work:
        assert set(wanted) <= set(collection.filters)
        return lambda database, viewer: database.read(collection.count, viewer, wanted)

    return of


def late_page(**wanted: Any) -> Callable[[Collection, int], Work]:
    """Return page 1,000 of a million rows, or the middle page of a thousand."""

    def of(collection: Collection, size: int) -> Work:
        number = size - 49_950 if size > 100_000 else size // 2
        after = Position(START + timedelta(seconds=number), UUID(int=0))
        return page(after, **wanted)(collection, size)

    return of


def get(collection: Collection, size: int) -> Work:
    """Return the first row that the viewer owns."""
    rows = [*owned(size, 0, gizmos(size, 0, random.Random(size)))]
    first = {row["owner_id"]: row["id"] for row in reversed(rows)}
    first[None] = rows[0]["id"]
    return lambda database, viewer: database.read(collection.get, viewer, first[viewer.user_id])


GIZMO_CASES = [
    Case("get", True, get),
    Case("first page", True, page()),
    Case("page 1,000 by cursor", True, late_page()),
    Case("the same of one status", True, late_page(status=("done",))),
    Case("the same before a time", True, late_page(created_before=LATER)),
    Case("first page after a time", True, page(created_after=START + timedelta(minutes=5))),
    Case("one common tag", True, page(tag=("tag-0",))),
    Case("one tag of 100 items", True, page(tag=("walrus",))),
    Case("search, 100 matches", True, page(q="walrus")),
    Case("search by prefix, 100 matches", True, page(q="walru*")),
    Case("search, 100 matches, by name", True, page(q="walrus", sort="name")),
    Case("first page by name", True, page(sort="name")),
    Case("status in the default order", True, page(status=("doing",))),
    Case("search, a common word", False, page(q="kitchen")),
    Case("search, two common words", False, page(q="kitchen kettle")),
    Case("common tag, by name", False, page(tag=("tag-0",), sort="name")),
    Case("two common tags", False, page(tag=("tag-1", "tag-2"))),
    Case("rarely met: tag and status", False, page(tag=("tag-150",), status=("doing",))),
    Case("rarely met: tag, status and word", False, page(
        tag=("tag-5",), status=("doing",), q="kettle cedar shed", sort="name")),
    Case("total of everything", False, total()),
    Case("total of one common tag", False, total(tag=("tag-0",))),
    Case("total of tag and status", False, total(tag=("tag-3",), status=("doing",))),
    Case("total of two common words", False, total(q="kitchen kettle")),
]  # fmt: skip


BOOKING_CASES = [
    Case("first page", True, page()),
    *(Case(f"first page by {sort}", True, page(sort=sort)) for sort in BOOKINGS.sorts),
    Case("one kind", True, page(kind=("suite",))),
    Case("confirmed", True, page(confirmed=True)),
    Case("of one gizmo", True, page(gizmo_id=RELATED)),
    Case("one common extra", True, page(extra=("sea",))),
    Case("search, 100 matches", True, page(q="walrus")),
    Case("prices from 500, by price", True, page(min_price=Decimal(500), sort="price")),
    Case("paid after a day, by that", True, page(paid_after=date(2025, 6, 1), sort="paid_on")),
    Case("prices from 500, the newest", False, page(min_price=Decimal(500))),
    Case("kind and extra, by price", False, page(kind=("suite",), extra=("sea",), sort="price")),
    Case("total of one kind", False, total(kind=("suite",))),
]
