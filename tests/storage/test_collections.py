"""What a table gets by declaration, over columns of every type: pages in every order, filters,
relations. test_declarations.py has what can't be declared."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import SchemaItem

from storage import Database, open_database
from storage.accounts.users import create_user
from storage.collections import ddl
from storage.collections.collection import COLLECTIONS, Collection
from storage.collections.filters import AllOf, Filter, Matches
from storage.collections.tables import (
    entries_table,
    resource_columns,
    words_columns,
)
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.column_types import FixedPoint, by_code_point, metadata
from storage.errors import AlreadyExists, RelatedRowNotFound, StillReferenced
from tests.bookings import BOOKINGS, NULLABLE, BookingNotFound
from tests.gizmos import GIZMOS
from tests.storage.units import PATIENT

START = datetime(2026, 1, 1, tzinfo=UTC)
RULE = "ck_order_version_0123abcd"
GIZMO: dict[str, Any] = {
    "name": "Key",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": [],
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        yield database


@pytest.fixture
async def ada(database: Database) -> Viewer:
    user = await database.write(create_user, email="ada@example.com", password_hash="")
    return Viewer.owner(user.id)


def booking(number: int, **values: Any) -> dict[str, Any]:
    """One of a few values for each column, so that many rows share one; some are null."""
    chosen = random.Random(number)
    some = {
        "guest": chosen.choice(["Ada", "Bob", "ada", "Äda"]),
        "floor": chosen.choice([None, -1, 0, 2, 10]),
        "price": chosen.choice([None, Decimal("9.50"), Decimal(10), Decimal("-0.01")]),
        "paid_on": chosen.choice([None, date(2026, 1, 9), date(2026, 1, 10)]),
        "arrives_at": START + timedelta(hours=chosen.randrange(3)),
        "confirmed": chosen.choice([True, False]),
        "code": UUID(int=chosen.randrange(3)),
        "kind": chosen.choice(["room", "suite"]),
        "extras": chosen.sample(["sea", "dog"], chosen.randrange(3)),
        "gizmo_id": None,
    }
    return {**some, **values}


async def walk(
    database: Database, viewer: Viewer, query: dict[str, Any], *, limit: int, budget: int = 5000
) -> list[Any]:
    rows: list[Any] = []
    after = None
    while True:
        page = await database.read(
            BOOKINGS.page, viewer, query, limit=limit, after=after, budget=budget
        )
        assert len(page.rows) <= limit
        rows += page.rows
        after = page.next
        if after is None:
            return [row.id for row in rows]


def in_order(rows: list[Any], sort: str) -> list[UUID]:
    """By Python's own order, the nulls last in both directions."""
    by = sort.removeprefix("-")
    known = [row for row in rows if getattr(row, by) is not None]
    nulls = [row for row in rows if getattr(row, by) is None]
    descending = sort.startswith("-")
    known.sort(key=lambda row: (getattr(row, by), row.id), reverse=descending)
    nulls.sort(key=lambda row: row.id, reverse=descending)
    return [row.id for row in (*known, *nulls)]


async def fill(database: Database, viewer: Viewer, count: int) -> list[Any]:
    return [
        await database.write(BOOKINGS.create, viewer, booking(number)) for number in range(count)
    ]


async def test_every_order_has_every_row_once_and_nulls_last(
    database: Database, ada: Viewer
) -> None:
    rows = await fill(database, ada, 24)
    others = await fill(database, ANONYMOUS, 3)
    assert all(any(getattr(row, name) is None for row in rows) for name in NULLABLE)
    for sort in BOOKINGS.sorts:
        for limit in (1, 5, 24):
            assert await walk(database, ada, {"sort": sort}, limit=limit) == in_order(rows, sort)
        everything = await walk(database, ANONYMOUS, {"sort": sort}, limit=7)
        assert everything == in_order([*rows, *others], sort)


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"kind": ["room"]}, lambda row: row.kind == "room"),
    ({"kind": ["room", "suite"]}, lambda row: True),
    ({"confirmed": False}, lambda row: not row.confirmed),
    ({"extra": ["sea", "dog"]}, lambda row: {"sea", "dog"} <= set(row.extras)),
    ({"q": "ada"}, lambda row: row.guest != "Bob"),
    ({"paid_after": date(2026, 1, 9)}, lambda row: row.paid_on == date(2026, 1, 10)),
    ({"paid_before": date(2026, 1, 10)}, lambda row: row.paid_on == date(2026, 1, 9)),
    ({"min_price": Decimal("9.5")}, lambda row: row.price is not None and row.price >= 9),
    ({"max_price": Decimal("9.5")}, lambda row: row.price is not None and row.price < 10),
    ({"min_floor": 0, "q": "b*"}, lambda row: row.floor in {0, 2, 10} and row.guest == "Bob"),
    (
        {"min_price": Decimal(0), "max_price": Decimal("9.5"), "kind": ["room"]},
        lambda row: row.price == Decimal("9.5") and row.kind == "room",
    ),
]


@pytest.mark.parametrize("budget", [5000, 4])
async def test_every_filter_with_sorts_by_what_can_be_null_and_not(
    database: Database, ada: Viewer, budget: int
) -> None:
    rows = await fill(database, ada, 24)
    for query, passes in FILTERS:
        found = [
            row
            for row in rows
            if passes(row) or (query.get("q") == "b*" and row.floor == 0 and row.guest == "Bob")
        ]
        for sort in ("-created_at", "price", "-floor", "paid_on"):
            seen = await walk(database, ada, {**query, "sort": sort}, limit=3, budget=budget)
            assert seen == in_order(found, sort), (query, sort)
        total = await database.read(BOOKINGS.count, ada, query)
        assert total == (len(found), True), query


async def test_values_come_back_as_they_were_written(database: Database) -> None:
    for price in (Decimal("0.01"), Decimal("-9999999999.99"), Decimal("9999999999.99"), None):
        row = await database.write(BOOKINGS.create, ANONYMOUS, booking(1, price=price))
        assert row.price == price
        changes = {"price": price, "paid_on": None, "floor": None}
        changed = await database.write(BOOKINGS.update, ANONYMOUS, row.id, changes)
        assert (changed.price, changed.paid_on, changed.version) == (price, None, 2)


async def test_a_list_may_have_a_value_twice(database: Database, ada: Viewer) -> None:
    row = await database.write(BOOKINGS.create, ada, booking(1, extras=["sea", "sea"]))
    assert row.extras == ["sea", "sea"]
    assert await walk(database, ada, {"extra": ["sea"]}, limit=9) == [row.id]
    await database.write(BOOKINGS.update, ada, row.id, {"extras": ["bath", "bath", "sea"]})
    assert await walk(database, ada, {"extra": ["bath", "sea"]}, limit=9) == [row.id]
    await database.write(BOOKINGS.delete, ada, row.id)
    assert await walk(database, ada, {"extra": ["bath"]}, limit=9) == []


def test_the_owner_has_a_type_even_without_the_table_of_users() -> None:
    assert isinstance(Table("rooms", MetaData(), *resource_columns()).c.owner_id.type, Uuid)


def test_a_write_with_a_relation_is_more_than_one_statement() -> None:
    assert BOOKINGS.kind_of_write({"guest": "Ada", "gizmo_id": None}) == "statement"
    assert BOOKINGS.kind_of_write({"guest": "Ada", "gizmo_id": UUID(int=1)}) == "write"
    assert GIZMOS.kind_of_write({"name": "Lamp"}) == "statement"


async def test_a_relation_leads_to_a_row_of_the_viewer(database: Database, ada: Viewer) -> None:
    own = await database.write(GIZMOS.create, ada, GIZMO)
    other = await database.write(GIZMOS.create, ANONYMOUS, GIZMO)
    row = await database.write(BOOKINGS.create, ada, booking(1, gizmo_id=own.id))
    for wrong in (other.id, uuid4()):
        with pytest.raises(RelatedRowNotFound) as caught:
            await database.write(BOOKINGS.create, ada, booking(1, gizmo_id=wrong))
        assert caught.value.name == "gizmo_id"
        with pytest.raises(RelatedRowNotFound):
            await database.write(BOOKINGS.update, ada, row.id, {"gizmo_id": wrong})
    assert await walk(database, ada, {"gizmo_id": own.id}, limit=9) == [row.id]
    with pytest.raises(StillReferenced):
        await database.write(GIZMOS.delete, ada, own.id)
    await database.write(BOOKINGS.update, ANONYMOUS, row.id, {"gizmo_id": other.id})
    changes = {"gizmo_id": other.id, "floor": 7}
    changed = await database.write(BOOKINGS.update, ada, row.id, changes)
    assert (changed.gizmo_id, changed.floor) == (other.id, 7)
    await database.write(BOOKINGS.delete, ada, row.id)
    await database.write(GIZMOS.delete, ada, own.id)
    with pytest.raises(BookingNotFound):
        await database.write(BOOKINGS.update, ada, row.id, changes)
    with pytest.raises(BookingNotFound):
        await database.read(BOOKINGS.get, ada, row.id)


async def made(database: Database, *columns: SchemaItem) -> Collection:
    """A collection of a table of its own, with these columns."""
    table = Table("rooms", metadata, *resource_columns(), *columns)
    before = list(COLLECTIONS)
    rooms = Collection(table, BookingNotFound)
    COLLECTIONS[:] = before
    metadata.remove(table)
    await database.administer(table.create)
    return rooms


async def test_a_new_row_has_the_default_of_a_column_that_is_not_sent(
    database: Database, ada: Viewer
) -> None:
    state = Column("state", String(4), nullable=False, default="open")
    rooms = await made(database, state, Column("floor", Integer), Column("beds", JSON, default=[]))
    for viewer in (ada, ANONYMOUS):
        row = await database.write(rooms.create, viewer, {})
        assert (row.state, row.floor, row.beds) == ("open", None, [])
        row = await database.write(rooms.create, viewer, {"state": "shut", "beds": None})
        assert (row.state, row.beds) == ("shut", None)


async def test_a_table_and_its_columns_may_be_called_as_words_of_sql(
    database: Database, ada: Viewer
) -> None:
    lists = Column("group", JSON, nullable=False), Column("select", String(9), nullable=False)
    table = Table("order", metadata, *resource_columns(), *lists, *words_columns("select"))
    found_in = entries_table(table, "group", by_code_point(9))
    before = list(COLLECTIONS)
    filters: dict[str, Filter] = {"group": AllOf(found_in), "q": Matches("select")}
    orders = Collection(table, BookingNotFound, filters=filters)
    COLLECTIONS[:] = before
    for each in (table, found_in):
        metadata.remove(each)

    def make(connection: Connection) -> None:
        for each in (table, found_in):
            each.create(connection)
        ddl.create_full_text(connection, "order", ["select"])
        ddl.create_entries(connection, "order", "group")
        ddl.create_rule(connection, "order", RULE, 'version > 0 AND "select" IS NOT NULL')

    def drop(connection: Connection) -> None:
        assert [*ddl.rules_in(connection, "order")] == [RULE]
        ddl.drop_rule(connection, "order", RULE)
        ddl.drop_entries(connection, "order", "group")
        ddl.drop_full_text(connection, "order")

    await database.administer(make)
    row = await database.write(orders.create, ada, {"group": ["a", "b"], "select": "One"})
    row = await database.write(orders.update, ada, row.id, {"group": ["b", "c"], "select": "Two"})
    for query, count in (({"group": ("c",), "q": "two"}, 1), ({"group": ("a",)}, 0)):
        page = await database.read(orders.page, ada, query, limit=5)
        assert len(page.rows) == count
    await database.write(orders.delete, ada, row.id)
    await database.administer(drop)


async def test_a_value_that_must_be_unique_is_taken_once(database: Database, ada: Viewer) -> None:
    rooms = await made(database, Column("number", Integer), UniqueConstraint("number"))
    first = await database.write(rooms.create, ada, {"number": 1})
    other = await database.write(rooms.create, ANONYMOUS, {"number": 2})
    for viewer in (ada, ANONYMOUS):
        with pytest.raises(AlreadyExists, match=r"^number$"):
            await database.write(rooms.create, viewer, {"number": 1})
    with pytest.raises(AlreadyExists, match=r"^number$"):
        await database.write(rooms.update, ANONYMOUS, other.id, {"number": 1})
    same = await database.write(rooms.update, ada, first.id, {"number": 1})
    assert same.version == 2
    assert list(BOOKINGS.unique.values()) == [["owner_id", "reference"]]
    assert not GIZMOS.unique


def test_a_decimal_has_at_most_its_places() -> None:
    with pytest.raises(ValueError, match=r"9\.505 has more than 2 decimal places"):
        FixedPoint(12, 2).process_bind_param(Decimal("9.505"), sqlite.dialect())
    with pytest.raises(ValueError, match="digits <= 18"):
        FixedPoint(19, 2)
