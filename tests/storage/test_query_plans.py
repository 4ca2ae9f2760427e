"""How the databases go about the lists: along an index, never through the whole table."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations, islice, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert

from storage import Database, open_database
from storage.accounts.tables import USER, users
from storage.collections.filtered import BUDGET
from storage.collections.lists import Query
from storage.collections.orders import Position
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.collections.words import words_of
from storage.engines import sqlite_threads
from tests.bookings import BOOKINGS
from tests.gizmos import GIZMOS
from tests.migrated import migrate
from tests.postgresql import empty_database, vacuum
from tests.statements import statements
from tests.storage.units import PATIENT, execute

COUNT = 5 * BUDGET
START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = START + timedelta(seconds=COUNT // 2)
LATE = START + timedelta(seconds=COUNT - 20)

EARLY, FEW = (Viewer.owner(UUID(int=number)) for number in (1, 2))
"""Who owns the oldest two fifths of all gizmos, and who owns only a few."""
VIEWERS = {"everybody": ANONYMOUS, "early": EARLY, "few": FEW}

FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "rare status": {"status": ("done",)},
    "common status": {"status": ("todo",)},
    "two statuses": {"status": ("doing", "todo")},
    "rare tag": {"tag": ("rare",)},
    "common tag": {"tag": ("even",)},
    "two common tags": {"tag": ("even", "third")},
    "rare and common tag": {"tag": ("even", "rare")},
    "rare word": {"q": "walrus"},
    "rare prefix": {"q": "walru*"},
    "rare and common word": {"q": "walrus lamp"},
    "narrow times": {"created_after": LATE, "updated_after": LATE},
    "wide times": {"created_before": MIDDLE, "updated_after": MIDDLE - timedelta(hours=2)},
    "rare tag, much else": {"tag": ("rare",), "status": ("todo",), "q": "lamp"},
    "common tag and status": {"tag": ("third",), "status": ("doing",)},
    "common word": {"q": "lamp"},
    "common word and tag": {"q": "lamp", "tag": ("even",)},
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
            "owner_id": owner_of(number),
            "name_words": words_of(name),
            "description_words": words_of(description),
        }


def owner_of(number: int) -> UUID | None:
    if number < COUNT * 2 // 5:
        return EARLY.user_id
    return FEW.user_id if number % (COUNT // 50) == 1 else None


def insert_users(connection: Connection) -> None:
    row = {"role": USER, "active": True, "created_at": START, "updated_at": START, "version": 1}
    owners = [{**row, "id": viewer.user_id} for viewer in (EARLY, FEW)]
    connection.execute(insert(users), owners)


def insert_rows(connection: Connection, some: list[dict[str, Any]]) -> None:
    connection.execute(insert(GIZMOS.table), some)


async def fill(url: str) -> None:
    await migrate(url)
    async with open_database(url, auto_migrate=False) as database:
        await database.administer(insert_users)
        remaining = rows()
        while some := list(islice(remaining, 5000)):
            await database.administer(insert_rows, some)
        await database.administer(execute, "ANALYZE")
    if url.startswith("postgresql"):
        await vacuum(url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a database that the tests only read."""
    for url in empty_database(request, tmp_path_factory.mktemp("filled")):
        asyncio.run(fill(url))
        yield url


@pytest.fixture
async def many(filled: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(sqlite_threads, "READ_TIMEOUT", 60)
    async with open_database(filled, auto_migrate=False, pool=PATIENT) as database:
        yield database


def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    sqlite = connection.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    result = connection.exec_driver_sql(explain + statement, parameters)
    return [str(row[-1]).strip() for row in result]


async def plans(database: Database, work: Callable[[Connection], object]) -> list[list[str]]:
    """The plan of each statement that `work` executes."""
    with statements() as seen:
        await database.read(work)
    assert seen
    return [await database.read(plan, *statement) for statement in seen]


def scans_the_table(lines: list[str]) -> bool:
    """Whether gizmos are read from end to end.

    docs/listing.md names what is left out here: to count what many gizmos have, PostgreSQL may
    read them from the start, until it has counted far enough.
    """
    aggregates = any("Aggregate" in line for line in lines)
    for before, line in pairwise(["", *lines]):
        counts = aggregates and before.startswith("->  Limit")
        if re.search(r"Seq Scan on gizmos\b|^SCAN gizmos$", line) and not counts:
            return True
    return False


def sorts(lines: list[str]) -> bool:
    return any(re.search(r"\bSort\b|TEMP B-TREE FOR ORDER BY", line) for line in lines)


def page(
    viewer: Viewer, wanted: Query, after: Position | None = None
) -> Callable[[Connection], object]:
    return lambda connection: GIZMOS.page(connection, viewer, wanted, limit=50, after=after)


def later(sort: str) -> Position:
    values: dict[str, Any] = {"created_at": MIDDLE, "updated_at": MIDDLE, "name": "Lamp 15000"}
    return Position(values[sort.removeprefix("-")], UUID(int=1))


@pytest.mark.parametrize("who", VIEWERS)
async def test_no_list_scans_the_table(many: Database, who: str) -> None:
    for sort in GIZMOS.sorts:
        for name, asked in FILTERS.items():
            for after in (None, later(sort)):
                work = page(VIEWERS[who], dict(**asked, sort=sort), after)
                for lines in await plans(many, work):
                    assert not scans_the_table(lines), "\n".join([f"{sort}: {name}", *lines])


@pytest.mark.parametrize("who", VIEWERS)
async def test_no_total_scans_the_table(many: Database, who: str) -> None:
    for name in set(FILTERS) - LARGE_SETS:
        wanted = dict(**FILTERS[name])
        work = partial(GIZMOS.count, viewer=VIEWERS[who], query=wanted)
        for lines in await plans(many, work):
            assert not scans_the_table(lines), "\n".join([name, *lines])


STRAIGHT: list[dict[str, Any]] = [
    *({"sort": sort} for sort in GIZMOS.sorts),
    {"status": ("todo",)},
    {"status": ("todo",), "sort": "created_at"},
    {"tag": ("even",)},
    {"created_after": START, "created_before": LATE},
    {"updated_after": START, "sort": "updated_at"},
]
"""What is read along an index that begins with the owner, and the status or the tag."""


async def test_rows_in_the_order_of_an_index_are_not_sorted(many: Database) -> None:
    for who, viewer in VIEWERS.items():
        for asked in STRAIGHT:
            wanted = dict(**asked)
            for after in (None, later(wanted.get("sort", "-created_at"))):
                [lines] = await plans(many, page(viewer, wanted, after))
                told = "\n".join([f"{who}: {asked}", *lines])
                # Of tags, the entries are in order, and the few gizmos that they lead to sorted.
                assert "tag" in wanted or not sorts(lines), told
                assert ("_owner_id_" in told) == (viewer is not ANONYMOUS), told
                # And read from the place on, not from where the filters let the first one pass.
                assert after is None or re.search(r"id\)[<>]\(|Index Cond: .*ROW\(", told), told


@pytest.mark.parametrize("who", VIEWERS)
async def test_a_page_among_the_nulls_is_not_sorted_either(database_url: str, who: str) -> None:
    viewer, after = VIEWERS[who], Position(None, UUID(int=1))
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        if database_url.startswith("postgresql"):
            # There is nothing to read, and for that PostgreSQL would take no index.
            await database.read(execute, "SET enable_seqscan = off")
        for sort in BOOKINGS.sorts:
            by = sort.removeprefix("-")
            if BOOKINGS.table.c[by].nullable:
                work = partial(BOOKINGS.page, viewer=viewer, query={"sort": sort}, limit=50)
                [lines] = await plans(database, partial(work, after=after))
                told = "\n".join([sort, *lines])
                assert f"{by}_" in told, told
                assert not sorts(lines), told


@pytest.mark.parametrize("who", VIEWERS)
async def test_sqlite_begins_with_what_a_filter_finds(tmp_path: Path, who: str) -> None:
    """And not with all rows of the table that have null where the list is sorted."""
    filters = {"kind": ("suite",), "extra": ("sea", "dog"), "q": "walrus"}
    url = f"sqlite:///{tmp_path}/a.db"
    await migrate(url)
    async with open_database(url, auto_migrate=False) as database:
        for sort in BOOKINGS.sorts:
            for one, other in combinations(filters, 2):
                wanted = {one: filters[one], other: filters[other], "sort": sort}
                work = partial(BOOKINGS.page, viewer=VIEWERS[who], query=wanted, limit=50)
                by = sort.removeprefix("-")
                for lines in await plans(database, partial(work, after=None)):
                    told = "\n".join([str(wanted), *lines])
                    assert f"INDEX ix_bookings_{by}_id ({by}=?)" not in told, told
                    assert "AUTOMATIC" not in told, told


async def test_a_total_stops_at_ten_thousand(many: Database) -> None:
    asked: dict[tuple[int, bool], Query] = {
        (10_000, False): {"tag": ("even",)},
        (8_334, True): {"tag": ("third",)},
        (4_160, True): {"tag": ("third",), "status": ("todo",), "updated_after": START},
        (0, True): {"tag": ("third",), "status": ("done",), "q": "nothing"},
    }
    assert await many.read(GIZMOS.count, ANONYMOUS, {}) == (10_000, False)
    for total, wanted in asked.items():
        assert await many.read(GIZMOS.count, ANONYMOUS, wanted) == total
    assert await many.read(GIZMOS.count, EARLY, {}) == (10_000, True)
    assert await many.read(GIZMOS.count, EARLY, {"tag": ("even",)}) == (5_000, True)
    assert await many.read(GIZMOS.count, FEW, {}) == (30, True)
