"""How the databases go about the lists: along an index, never through the whole table."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, insert

from storage import Database, items, open_database
from storage.filters import Wanted
from storage.listing import BUDGET, SORTS
from storage.pages import Position
from storage.viewers import EVERYBODY
from storage.words import words_of
from tests.storage.units import execute

COUNT = 5 * BUDGET
START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = START + timedelta(seconds=COUNT // 2)
LATE = START + timedelta(seconds=COUNT - 20)

FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "rare status": {"statuses": ("done",)},
    "common status": {"statuses": ("todo",)},
    "two statuses": {"statuses": ("doing", "todo")},
    "rare tag": {"tags": ("rare",)},
    "common tag": {"tags": ("even",)},
    "two common tags": {"tags": ("even", "third")},
    "rare and common tag": {"tags": ("even", "rare")},
    "rare word": {"search": "walrus"},
    "rare prefix": {"search": "walru*"},
    "rare and common word": {"search": "walrus lamp"},
    "narrow times": {"created_after": LATE, "updated_after": LATE},
    "wide times": {"created_before": MIDDLE, "updated_after": MIDDLE - timedelta(hours=2)},
    "rare tag, much else": {"tags": ("rare",), "statuses": ("todo",), "search": "lamp"},
    "common tag and status": {"tags": ("third",), "statuses": ("doing",)},
    "common word": {"search": "lamp"},
    "common word and tag": {"search": "lamp", "tags": ("even",)},
}
LARGE_SETS = {
    "two common tags",
    "wide times",
    "common tag and status",
    "common word and tag",
}
"""Whose totals docs/listing.md excepts."""


def rows() -> Iterator[dict[str, Any]]:
    for number in range(COUNT):
        rare = number % (COUNT // 20) == 0
        name = f"{'Lamp' if number % 5 else 'Door'} {number * 7919 % COUNT}"
        description = f"It stands in the hall.{' A walrus!' * rare}"
        created = START + timedelta(seconds=number)
        yield {
            "id": UUID(int=number * 7919 % COUNT),
            "name": name,
            "description": description,
            "status": "done" if rare else ("todo", "doing")[number % 2],
            "quantity": 1,
            "tags": ["rare"] * rare + ["even"] * (number % 2 == 0) + ["third"] * (number % 3 == 0),
            "created_at": created,
            "updated_at": created + timedelta(seconds=number * 31 % 3600),
            "version": 1,
            "name_words": words_of(name),
            "description_words": words_of(description),
        }


def insert_rows(connection: Connection, some: list[dict[str, Any]]) -> None:
    connection.execute(insert(items.items), some)


@pytest.fixture
async def many(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True) as database:
        remaining = rows()
        while some := list(islice(remaining, 5000)):
            await database.administer(insert_rows, some)
        await database.administer(execute, "ANALYZE")
        yield database


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any]]]:
    """The statements that reach a database meanwhile, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def record(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    sqlite = connection.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    result = connection.exec_driver_sql(explain + statement, parameters)
    return [str(row[-1]).strip() for row in result]


async def plans(database: Database, work: Callable[[Connection], object]) -> list[list[str]]:
    """The plan of each statement that `work` executes."""
    with recorded() as seen:
        await database.read(work)
    assert seen
    return [await database.read(plan, *statement) for statement in seen]


def scans_the_table(lines: list[str]) -> bool:
    """Whether items are read from end to end.

    docs/listing.md names what is left out here: to count what many items have, PostgreSQL may
    read them from the start, until it has counted far enough.
    """
    aggregates = any("Aggregate" in line for line in lines)
    for before, line in pairwise(["", *lines]):
        counts = aggregates and before.startswith("->  Limit")
        if re.search(r"Seq Scan on items\b|^SCAN items$", line) and not counts:
            return True
    return False


def sorts(lines: list[str]) -> bool:
    return any(re.search(r"\bSort\b|TEMP B-TREE FOR ORDER BY", line) for line in lines)


def page(wanted: Wanted, after: Position | None = None) -> Callable[[Connection], object]:
    return lambda connection: items.list_items(
        connection, EVERYBODY, limit=50, after=after, wanted=wanted
    )


async def test_no_list_scans_the_table(many: Database) -> None:
    values: dict[str, Any] = {"created_at": MIDDLE, "updated_at": MIDDLE, "name": "Lamp 15000"}
    for sort in SORTS:
        later = Position(values[sort.removeprefix("-")], UUID(int=1))
        for name, asked in FILTERS.items():
            for after in (None, later):
                for lines in await plans(many, page(Wanted(**asked, sort=sort), after)):
                    assert not scans_the_table(lines), "\n".join([f"{sort}: {name}", *lines])


async def test_no_total_scans_the_table(many: Database) -> None:
    for name in set(FILTERS) - LARGE_SETS:
        wanted = Wanted(**FILTERS[name])
        work = partial(items.count_items, viewer=EVERYBODY, wanted=wanted)
        for lines in await plans(many, work):
            assert not scans_the_table(lines), "\n".join([name, *lines])


async def test_what_an_index_has_in_order_is_not_sorted(many: Database) -> None:
    for wanted in [*(Wanted(sort=sort) for sort in SORTS), Wanted(statuses=("todo",))]:
        [lines] = await plans(many, page(wanted))
        assert not sorts(lines), lines


async def test_a_total_stops_at_ten_thousand(many: Database) -> None:
    asked: dict[tuple[int, bool], Wanted] = {
        (10_000, False): Wanted(tags=("even",)),
        (8_334, True): Wanted(tags=("third",)),
        (4_160, True): Wanted(tags=("third",), statuses=("todo",), updated_after=START),
        (0, True): Wanted(tags=("third",), statuses=("done",), search="nothing"),
    }
    assert await many.read(items.count_items, EVERYBODY, Wanted()) == (10_000, False)
    for total, wanted in asked.items():
        assert await many.read(items.count_items, EVERYBODY, wanted) == total
