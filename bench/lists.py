"""Lists of 1,000 and of 1,000,000 rows, on both databases: `python -m bench.lists [large]`.

Writes bench/LISTS.md: medians of the units of work alone, without HTTP. There are two resources:
the gizmos of the tests, which have what items have, and their bookings, which sort by a column of
every type. The two sizes are measured in turns, so that other load on the machine affects both. The
same holds for viewers of all rows and viewers of their own in the larger database, and for writes
with and without the indexes that start with the owner. PostgreSQL's tables are vacuumed, as
autovacuum leaves them.
"""

import asyncio
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, insert, make_url, text

from bench.dataset import (
    BOOKING_ROWS,
    CHUNK,
    FEW,
    GIZMO_ROWS,
    MANY,
    RELATED,
    SOME,
    Dataset,
    gizmos,
    owned,
    owners,
)
from bench.list_cases import BOOKING_CASES, GIZMO_CASES, Case
from bench.owned_writes import compare_writes, tables_of_writes
from bench.rounds import ROUNDS, measure
from storage import Database, open_database
from storage.accounts.tables import users
from storage.collections.viewers import ANONYMOUS
from tests.gizmos import GIZMOS
from tests.migrated import create_tables
from tests.postgresql import Server, vacuum

SMALL, LARGE = 1_000, 1_000_000


class Compared(NamedTuple):
    """`taken`: milliseconds with few rows, with many, and for three owners of some of the many."""

    case: Case
    taken: list[float]


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def prepare(connection: Connection, dataset: Dataset) -> None:
    """Make the tables, without their indexes, and the owners. With indexes, inserting takes much
    longer than making them afterwards."""
    create_tables(connection)
    connection.execute(insert(users), owners())
    if GIZMOS in dataset.collection.relations.values():
        [gizmo, *_] = gizmos(1000, 0, random.Random(0))
        insert_rows(connection, GIZMOS.table, [{**gizmo, "id": RELATED}])
    for table in dataset.tables:
        for index in table.indexes:
            index.drop(connection)


def finish(connection: Connection, dataset: Dataset) -> None:
    for table in dataset.tables:
        for index in table.indexes:
            index.create(connection)
    execute(connection, "ANALYZE")


async def fill(database: Database, size: int, dataset: Dataset) -> float:
    """Return the seconds that it took."""
    chooser = random.Random(size)
    began = time.perf_counter()
    await database.administer(prepare, dataset)
    for start in range(0, size, CHUNK):
        rows = owned(size, start, dataset.rows(size, start, chooser))
        await database.administer(insert_rows, dataset.collection.table, list(rows))
    await database.administer(finish, dataset)
    return time.perf_counter() - began


async def compare(urls: dict[int, str], dataset: Dataset, cases: list[Case]) -> list[Compared]:
    """Measure each case for all rows in both databases, and for each owner in the larger one."""
    async with AsyncExitStack() as stack:
        databases = {
            size: await stack.enter_async_context(open_database(url, auto_migrate=True))
            for size, url in urls.items()
        }
        name = dataset.collection.table.name
        for size, database in databases.items():
            took = await fill(database, size, dataset)
            print(f"{size} {name} in {took:.0f} s", flush=True)
            if urls[size].startswith("postgresql"):
                await vacuum(urls[size])
        compared = []
        for case in cases:
            works = [(case.work(dataset.collection, size), db) for size, db in databases.items()]
            seats = [partial(work, database, ANONYMOUS) for work, database in works]
            work, database = works[-1]
            seats += [partial(work, database, owner) for owner in (FEW, SOME, MANY)]
            compared.append(Compared(case, await measure(seats)))
            print(case.name, *(f"{taken:.2f}" for taken in compared[-1].taken), flush=True)
        return compared


def tables(kind: str, what: str, large: int, compared: list[Compared]) -> Iterator[str]:
    """Yield two tables: the databases compared, and one owner's rows compared with all."""
    yield f"| {kind} | {SMALL:,} {what}, ms | {large:,} {what}, ms | ratio | at most |"
    yield "| --- | --- | --- | --- | --- |"
    for case, (small, all_, *_) in compared:
        yield f"| {case.name} | {small:.2f} | {all_:.2f} | {all_ / small:.2f} | {case.bound} |"
    yield ""
    owned = " | ".join(f"own {large // part:,}, ms | ratio" for part in (large // 20, 200, 5))
    yield f"| {kind}, {large:,} {what} | all, ms | {owned} | at most |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for case, (_, all_, *owners_) in compared:
        parts = " | ".join(f"{own:.2f} | {own / all_:.2f}" for own in owners_)
        yield f"| {case.name} | {all_:.2f} | {parts} | {case.bound} |"
    yield ""


def on_sqlite(large: int, dataset: Dataset, cases: list[Case]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: f"sqlite:///{folder}/{size}.db" for size in (SMALL, large)}
        compared = asyncio.run(compare(urls, dataset, cases))
        yield from tables("SQLite", dataset.collection.table.name, large, compared)
        if dataset is GIZMO_ROWS:
            without = shutil.copy(f"{folder}/{large}.db", f"{folder}/without.db")
            writes = asyncio.run(compare_writes(urls[large], f"sqlite:///{without}"))
            yield from tables_of_writes("SQLite", large, writes)


def on_postgresql(large: int, dataset: Dataset, cases: list[Case]) -> Iterator[str]:
    server = Server(fsync=True)
    try:
        with server.database() as one, server.database() as other:
            compared = asyncio.run(compare({SMALL: one, large: other}, dataset, cases))
            yield from tables("PostgreSQL", dataset.collection.table.name, large, compared)
            if dataset is GIZMO_ROWS:
                with server.database(template=make_url(other).database or "") as without:
                    writes = asyncio.run(compare_writes(other, without))
                yield from tables_of_writes("PostgreSQL", large, writes)
    finally:
        server.stop()


def main(large: int) -> None:
    lines: list[str] = []
    for dataset, cases in ((GIZMO_ROWS, GIZMO_CASES), (BOOKING_ROWS, BOOKING_CASES)):
        lines += on_sqlite(large, dataset, cases)
        lines += on_postgresql(large, dataset, cases)
    about = (__doc__ or "").partition("\n\n")[2].strip()
    where = f"Python {platform.python_version()}, {ROUNDS} rounds, pages of 50."
    report = "\n".join(["# Lists", "", about, "", where, "", *lines])
    Path(__file__).with_name("LISTS.md").write_text(report)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
