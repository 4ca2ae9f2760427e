"""Lists of 1,000 and of 1,000,000 items, on both databases: `python -m bench.lists [large]`.

Writes bench/LISTS.md: medians of the units of work alone, without HTTP. The two sizes are measured
in turns, so that other load on the machine affects both. The same holds for viewers of all items
and viewers of their own items in the larger database, and for writes with and without the indexes
that start with the owner. PostgreSQL's tables are vacuumed, as autovacuum leaves them.
"""

import asyncio
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, insert, make_url, text

from bench.dataset import CHUNK, FEW, MANY, SOME, START, owned, owners, rows_of
from bench.owned_writes import compare_writes, tables_of_writes
from bench.rounds import ROUNDS, measure
from storage import Database, open_database
from storage.accounts.users import users
from storage.collections.orders import Position
from storage.collections.viewers import EVERYBODY, Viewer
from tests.gizmos import GIZMOS
from tests.migrated import create_tables
from tests.postgresql import Server, vacuum

SMALL, LARGE = 1_000, 1_000_000
LATER = START + timedelta(days=1000)

Work = Callable[[Database, Viewer], Awaitable[object]]


class Case(NamedTuple):
    name: str
    wanted: bool
    """Whether the ratios of the case should be at most 1.5."""
    work: Callable[[int], Work]

    @property
    def bound(self) -> str:
        return "1.5" if self.wanted else ""


def insert_owners(connection: Connection) -> None:
    connection.execute(insert(users), owners())


def insert_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(GIZMOS.table), rows)


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


async def fill(database: Database, size: int) -> float:
    """Return the seconds that it took."""
    chooser = random.Random(size)
    began = time.perf_counter()
    await database.administer(create_tables)
    await database.administer(create_tables)
    await database.administer(insert_owners)
    for start in range(0, size, CHUNK):
        rows = owned(size, start, rows_of(size, start, chooser))
        await database.administer(insert_rows, list(rows))
    await database.administer(execute, "ANALYZE")
    return time.perf_counter() - began


def page(after: Position | None = None, **wanted: Any) -> Callable[[int], Work]:
    asked = dict(**wanted)
    return lambda _: (
        lambda database, viewer: database.read(GIZMOS.page, viewer, asked, limit=50, after=after)
    )


def total(**wanted: Any) -> Callable[[int], Work]:
    asked = dict(**wanted)
    return lambda _: lambda database, viewer: database.read(GIZMOS.count, viewer, asked)


def late_page(**wanted: Any) -> Callable[[int], Work]:
    """Return page 1,000 of a million items, or the middle page of a thousand."""

    def of(size: int) -> Work:
        number = size - 49_950 if size > 100_000 else size // 2
        return page(Position(START + timedelta(seconds=number), UUID(int=0)), **wanted)(size)

    return of


def get(size: int) -> Work:
    """Return the first item that the viewer owns."""
    rows = [*owned(size, 0, rows_of(size, 0, random.Random(size)))]
    first = {row["owner_id"]: row["id"] for row in reversed(rows)}
    first[None] = rows[0]["id"]
    return lambda database, viewer: database.read(GIZMOS.get, viewer, first[viewer.user_id])


CASES = [
    Case("get", True, get),
    Case("first page", True, page()),
    Case("page 1,000 by cursor", True, late_page()),
    Case("the same of one status", True, late_page(statuses=("done",))),
    Case("the same before a time", True, late_page(created_before=LATER)),
    Case("first page after a time", True, page(created_after=START + timedelta(minutes=5))),
    Case("one common tag", True, page(tags=("tag-0",))),
    Case("one tag of 100 items", True, page(tags=("walrus",))),
    Case("search, 100 matches", True, page(search="walrus")),
    Case("search by prefix, 100 matches", True, page(search="walru*")),
    Case("search, 100 matches, by name", True, page(search="walrus", sort="name")),
    Case("first page by name", True, page(sort="name")),
    Case("status in the default order", True, page(statuses=("doing",))),
    Case("search, a common word", False, page(search="kitchen")),
    Case("search, two common words", False, page(search="kitchen kettle")),
    Case("common tag, by name", False, page(tags=("tag-0",), sort="name")),
    Case("two common tags", False, page(tags=("tag-1", "tag-2"))),
    Case("rarely met: tag and status", False, page(tags=("tag-150",), statuses=("doing",))),
    Case("rarely met: tag, status and word", False, page(
        tags=("tag-5",), statuses=("doing",), search="kettle cedar shed", sort="name")),
    Case("total of everything", False, total()),
    Case("total of one common tag", False, total(tags=("tag-0",))),
    Case("total of tag and status", False, total(tags=("tag-3",), statuses=("doing",))),
    Case("total of two common words", False, total(search="kitchen kettle")),
]  # fmt: skip


async def compare(urls: dict[int, str]) -> list[tuple[Case, list[float]]]:
    """Measure each case for all items in both databases, and for each owner in the larger one."""
    async with AsyncExitStack() as stack:
        databases = {
            size: await stack.enter_async_context(open_database(url, auto_migrate=True))
            for size, url in urls.items()
        }
        for size, database in databases.items():
            print(f"{size} items in {await fill(database, size):.0f} s", flush=True)
            if urls[size].startswith("postgresql"):
                await vacuum(urls[size])
        compared = []
        for case in CASES:
            works = [(case.work(size), database) for size, database in databases.items()]
            seats = [partial(work, database, EVERYBODY) for work, database in works]
            work, database = works[-1]
            seats += [partial(work, database, owner) for owner in (FEW, SOME, MANY)]
            compared.append((case, await measure(seats)))
            print(case.name, *(f"{taken:.2f}" for taken in compared[-1][1]), flush=True)
        return compared


def tables(kind: str, large: int, compared: list[tuple[Case, list[float]]]) -> Iterator[str]:
    """Yield two tables: the databases compared, and one owner's items compared with all."""
    yield f"| {kind} | {SMALL:,} items, ms | {large:,} items, ms | ratio | at most |"
    yield "| --- | --- | --- | --- | --- |"
    for case, (small, all_, *_) in compared:
        yield f"| {case.name} | {small:.2f} | {all_:.2f} | {all_ / small:.2f} | {case.bound} |"
    yield ""
    owned = " | ".join(f"own {large // part:,}, ms | ratio" for part in (large // 20, 200, 5))
    yield f"| {kind}, {large:,} items | all, ms | {owned} | at most |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for case, (_, all_, *owners_) in compared:
        parts = " | ".join(f"{own:.2f} | {own / all_:.2f}" for own in owners_)
        yield f"| {case.name} | {all_:.2f} | {parts} | {case.bound} |"
    yield ""


def main(large: int) -> None:
    sizes = (SMALL, large)
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: f"sqlite:///{folder}/{size}.db" for size in sizes}
        lines = [*tables("SQLite", large, asyncio.run(compare(urls)))]
        without = shutil.copy(f"{folder}/{large}.db", f"{folder}/without.db")
        writes = asyncio.run(compare_writes(urls[large], f"sqlite:///{without}"))
        lines += tables_of_writes("SQLite", large, writes)
        server = Server(fsync=True)
        try:
            with server.database() as one, server.database() as other:
                urls = dict(zip(sizes, (one, other), strict=True))
                lines += tables("PostgreSQL", large, asyncio.run(compare(urls)))
                with server.database(template=make_url(other).database or "") as without:
                    writes = asyncio.run(compare_writes(other, without))
                lines += tables_of_writes("PostgreSQL", large, writes)
        finally:
            server.stop()
    about = (__doc__ or "").partition("\n\n")[2].strip()
    where = f"Python {platform.python_version()}, {ROUNDS} rounds, pages of 50."
    report = "\n".join(["# Lists", "", about, "", where, "", *lines])
    Path(__file__).with_name("LISTS.md").write_text(report)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
