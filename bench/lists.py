"""Lists of 1,000 and of 1,000,000 items, on both databases: `python -m bench.lists [large]`.

Writes bench/LISTS.md: medians of the units of work alone, without HTTP. The two sizes take turns,
so that whatever else the machine does meets both.
"""

import asyncio
import platform
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, insert, text

from storage import Database, items, open_database
from storage.filters import Wanted
from storage.pages import Position
from storage.viewers import EVERYBODY
from storage.words import words_of
from tests.postgresql import Server

SMALL, LARGE = 1_000, 1_000_000
CHUNK = 5_000
ROUNDS = 200
MATCHES = 100
"""How many items have the word `walrus`, and the tag `walrus`, at either size."""

START = datetime(2024, 1, 1, tzinfo=UTC)
KINDS = [
    "oak",
    "steel",
    "glass",
    "paper",
    "cotton",
    "copper",
    "rubber",
    "canvas",
    "cedar",
    "ceramic",
    "marble",
    "wool",
]
THINGS = [
    "table",
    "lamp",
    "ladder",
    "notebook",
    "kettle",
    "hammer",
    "shelf",
    "curtain",
    "bucket",
    "frame",
    "basket",
    "clock",
]
PLACES = [
    "kitchen",
    "garage",
    "attic",
    "cellar",
    "workshop",
    "office",
    "garden",
    "balcony",
    "hallway",
    "shed",
]
TAGS = [f"tag-{number}" for number in range(200)]
WEIGHTS = [1 / (number + 1) for number in range(len(TAGS))]

Work = Callable[[Database], Awaitable[object]]


class Case(NamedTuple):
    name: str
    wanted: bool
    """Whether its ratio ought to be at most 1.5."""
    work: Callable[[int], Work]


def rows_of(size: int, start: int, chooser: random.Random) -> Iterator[dict[str, Any]]:
    """Items as a household has them: some kinds, tags and statuses are far more common."""
    for number in range(start, min(start + CHUNK, size)):
        special = number % (size // MATCHES) == 0
        kind, thing, place = map(chooser.choice, (KINDS, THINGS, PLACES))
        name = f"{kind.title()} {thing} {number}"
        description = f"The {kind} {thing} from the {place}{', with a walrus' * special}."
        tags = {*chooser.choices(TAGS, WEIGHTS, k=chooser.randrange(4))}
        created = START + timedelta(seconds=number)
        yield {
            "id": UUID(int=chooser.getrandbits(128), version=4),
            "name": name,
            "description": description,
            "status": chooser.choices(["done", "todo", "doing"], [80, 15, 5])[0],
            "quantity": chooser.randrange(100),
            "tags": [*sorted(tags), *["walrus"] * special],
            "created_at": created,
            "updated_at": created + timedelta(seconds=chooser.randrange(10_000_000)),
            "version": 1,
            "name_words": words_of(name),
            "description_words": words_of(description),
        }


def insert_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(items.items), rows)


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


async def fill(database: Database, size: int) -> float:
    """Seconds that it took."""
    chooser = random.Random(size)
    began = time.perf_counter()
    for start in range(0, size, CHUNK):
        await database.administer(insert_rows, list(rows_of(size, start, chooser)))
    await database.administer(execute, "ANALYZE")
    return time.perf_counter() - began


def page(after: Position | None = None, **wanted: Any) -> Callable[[int], Work]:
    asked = Wanted(**wanted)
    return lambda _: (
        lambda database: database.read(
            items.list_items, EVERYBODY, limit=50, after=after, wanted=asked
        )
    )


def total(**wanted: Any) -> Callable[[int], Work]:
    asked = Wanted(**wanted)
    return lambda _: lambda database: database.read(items.count_items, EVERYBODY, asked)


def late_page(size: int) -> Work:
    """Page 1,000 of a million; of a thousand, the one in the middle."""
    number = size - 49_950 if size > 100_000 else size // 2
    return page(Position(START + timedelta(seconds=number), UUID(int=0)))(size)


def get(size: int) -> Work:
    """The first item that rows_of makes; its id is drawn after its other choices."""
    first = next(rows_of(size, 0, random.Random(size)))["id"]
    return lambda database: database.read(items.get_item, EVERYBODY, first)


CASES = [
    Case("get", True, get),
    Case("first page", True, page()),
    Case("page 1,000 by cursor", True, late_page),
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


async def measure(databases: dict[int, Database], case: Case) -> dict[int, float]:
    """Median milliseconds for each size."""
    work = {size: case.work(size) for size in databases}
    times: dict[int, list[float]] = {size: [] for size in databases}
    for turn in range(ROUNDS + 10):
        for size, database in databases.items():
            began = time.perf_counter()
            await work[size](database)
            if turn >= 10:
                times[size].append((time.perf_counter() - began) * 1000)
    return {size: median(taken) for size, taken in times.items()}


async def compare(urls: dict[int, str]) -> Iterator[str]:
    """The rows of a table, for one kind of database."""
    async with AsyncExitStack() as stack:
        databases = {
            size: await stack.enter_async_context(open_database(url, auto_migrate=True))
            for size, url in urls.items()
        }
        for size, database in databases.items():
            print(f"{size} items in {await fill(database, size):.0f} s")
        lines = []
        for case in CASES:
            small, large = (await measure(databases, case)).values()
            bound = "1.5" if case.wanted else ""
            lines.append(
                f"| {case.name} | {small:.2f} | {large:.2f} | {large / small:.2f} | {bound} |"
            )
            print(lines[-1], flush=True)
        return iter(lines)


def table(kind: str, lines: Iterator[str], large: int) -> str:
    head = f"| {kind} | {SMALL:,} items, ms | {large:,} items, ms | ratio | at most |"
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *lines])


def main(large: int) -> None:
    sizes = (SMALL, large)
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: f"sqlite:///{folder}/{size}.db" for size in sizes}
        sqlite = table("SQLite", asyncio.run(compare(urls)), large)
        server = Server(Path(folder))
        try:
            with server.database() as one, server.database() as other:
                urls = dict(zip(sizes, (one, other), strict=True))
                postgresql = table("PostgreSQL", asyncio.run(compare(urls)), large)
        finally:
            server.stop()
    about = (__doc__ or "").partition("\n\n")[2].strip()
    where = f"Python {platform.python_version()}, {ROUNDS} rounds, pages of 50."
    report = f"# Lists\n\n{about}\n\n{where}\n\n{sqlite}\n\n{postgresql}\n"
    Path(__file__).with_name("LISTS.md").write_text(report)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
