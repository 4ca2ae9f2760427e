"""The cost of a write with the indexes that start with the owner, compared with a copy without
them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count, cycle
from uuid import UUID

from sqlalchemy import Connection

from bench.dataset import GIZMO_ROWS, KINDS, MANY, PLACES, TAGS, THINGS
from bench.rounds import measure
from storage import Database, open_database
from storage.collections.viewers import ANONYMOUS, Viewer
from tests.gizmos import GIZMOS, GizmoValues
from tests.postgresql import vacuum

AT_ONCE = 64

Write = Callable[[Database], Awaitable[object]]


def values() -> Iterator[GizmoValues]:
    parts = zip(count(), cycle(KINDS), cycle(THINGS[1:]), cycle(PLACES), cycle(TAGS), strict=False)
    for number, kind, thing, place, tag in parts:
        yield {
            "name": f"{kind.title()} {thing} {number}",
            "description": f"The {kind} {thing} from the {place}.",
            "status": "todo",
            "quantity": 1,
            "tags": sorted({tag, TAGS[0]}),
        }


def create(viewer: Viewer) -> Write:
    some = values()
    return lambda database: database.write_statement(GIZMOS.create, viewer, next(some))


def create_at_once(viewer: Viewer) -> Write:
    one = create(viewer)
    return lambda database: asyncio.gather(*(one(database) for _ in range(AT_ONCE)))


def change_status(ids: list[UUID]) -> Write:
    changes = cycle([(of, status) for status in ("doing", "todo") for of in ids])

    def change(database: Database) -> Awaitable[object]:
        of, status = next(changes)
        return database.write_statement(GIZMOS.update, MANY, of, {"status": status})

    return change


def change_name(ids: list[UUID]) -> Write:
    changes = zip(cycle(ids), values(), strict=False)

    def change(database: Database) -> Awaitable[object]:
        of, to = next(changes)
        return database.write_statement(GIZMOS.update, MANY, of, {"name": to["name"]})

    return change


def drop_owner_indexes(connection: Connection) -> None:
    for table in GIZMO_ROWS.tables:
        for index in table.indexes:
            if next(iter(index.columns)).name == "owner_id":
                index.drop(connection)


async def compare_writes(with_: str, without: str) -> list[tuple[str, list[float]]]:
    """Measure each write in both databases; `without` loses the owners' indexes first."""
    async with (
        open_database(with_, auto_migrate=False) as one,
        open_database(without, auto_migrate=False) as other,
    ):
        await other.administer(drop_owner_indexes)
        if without.startswith("postgresql"):
            await vacuum(without)
        page = await one.read(GIZMOS.page, MANY, {}, limit=200, after=None)
        ids = [row.id for row in page.rows]
        writes: dict[str, Callable[[], Write]] = {
            "create": partial(create, MANY),
            "create, without an owner": partial(create, ANONYMOUS),
            f"create {AT_ONCE} at once": partial(create_at_once, MANY),
            "change the status": partial(change_status, ids),
            "change the name": partial(change_name, ids),
        }
        compared = []
        for name, work in writes.items():
            # Each database has its own generator, so that both write the same.
            taken = await measure([partial(work(), one), partial(work(), other)])
            compared.append((name, taken))
            print(name, *(f"{each:.2f}" for each in taken), flush=True)
        return compared


def tables_of_writes(
    kind: str, large: int, compared: list[tuple[str, list[float]]]
) -> Iterator[str]:
    yield f"| {kind}, writes to {large:,} items | without, ms | with, ms | ratio |"
    yield "| --- | --- | --- | --- |"
    for name, (with_, without) in compared:
        yield f"| {name} | {without:.2f} | {with_:.2f} | {with_ / without:.2f} |"
    yield ""
