"""A rule over several columns, in the database: written into migrations, added to a table that has
rows, changed and dropped, on both databases."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert
from sqlalchemy.exc import IntegrityError

from migrations.autogenerate import add_collections, render_type
from storage import Database, open_database
from storage.collections.ddl import rules_in
from storage.collections.tables import rule, rule_constraints, rules_of
from storage.column_types import is_described, metadata
from tests.bookings import bookings
from tests.storage.units import execute

ROOM = {
    "guest": "Ada",
    "guest_words": "",
    "arrives_at": datetime.now(UTC),
    "created_at": datetime.now(UTC),
    "updated_at": datetime.now(UTC),
    "version": 1,
    "confirmed": False,
    "kind": "room",
    "extras": [],
}
(DECLARED,) = rules_of(bookings)
IMPORTS = """
import sqlalchemy as sa
from alembic import op
from storage.collections import ddl
from storage.column_types import FixedPoint, Words, by_code_point
"""


@pytest.fixture
def another_rule() -> Iterator[str]:
    """The name of one more rule of the table, for this test."""
    condition = "kind <> 'room' OR floor IS NULL OR floor < 100"
    added = rule(condition, of="floor", otherwise="No room is that high.")
    bookings.append_constraint(added)
    yield str(added.name)
    bookings.constraints.discard(added)


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """With the tables of the tests' own, made by what `db revision` would write for them."""
    async with open_database(empty_url, auto_migrate=True) as opened:
        await opened.administer(carry_out)
        yield opened


def written(connection: Connection) -> dict[str, str]:
    """The code that `db revision` writes."""
    options = {"render_as_batch": True, "include_name": is_described, "render_item": render_type}
    context = MigrationContext.configure(connection, opts=options)
    script = produce_migrations(context, metadata)
    add_collections(context, None, [script])
    assert script.upgrade_ops is not None
    assert script.downgrade_ops is not None
    return {
        name: render_python_code(ops, render_as_batch=True, render_item=render_type)
        for name, ops in (("upgrade", script.upgrade_ops), ("downgrade", script.downgrade_ops))
    }


def carry_out(connection: Connection) -> str:
    """Carry out the upgrade that `db revision` writes, and return its downgrade."""
    code = written(connection)
    run(connection, code["upgrade"])
    return code["downgrade"]


def run(connection: Connection, code: str) -> None:
    module: dict[str, Any] = {}
    exec(f"{IMPORTS}\ndef migrate():\n    {code}", module)
    with Operations.context(MigrationContext.configure(connection)):
        module["migrate"]()


def book(connection: Connection, /, **values: object) -> None:
    connection.execute(insert(bookings).values({**ROOM, **values, "id": uuid4(), "code": uuid4()}))


def rules(connection: Connection) -> set[str]:
    return set(rules_in(connection, "bookings"))


async def test_a_migration_makes_the_rules_of_a_new_table(database: Database) -> None:
    assert await database.read(rules) == {DECLARED}
    await database.write(book, kind="suite", floor=2)
    await database.write(book, kind="suite", floor=None)
    with pytest.raises(IntegrityError, match=DECLARED):
        await database.write(book, kind="suite", floor=-3)
    with pytest.raises(IntegrityError, match=DECLARED):
        await database.write(execute, "UPDATE bookings SET floor = -3")


async def test_a_rule_is_added_to_a_table_that_has_rows_and_dropped_again(
    database: Database, another_rule: str
) -> None:
    await database.write(book, floor=2)
    downgrade = await database.administer(carry_out)
    assert await database.read(rules) == {DECLARED, another_rule}
    with pytest.raises(IntegrityError, match=another_rule):
        await database.write(book, floor=100)
    assert await database.administer(written) == await database.administer(written)
    await database.administer(run, downgrade)
    assert await database.read(rules) == {DECLARED}
    await database.write(book, floor=100)


async def test_a_rule_that_a_row_breaks_is_not_added(database: Database, another_rule: str) -> None:
    await database.write(book, floor=100)
    with pytest.raises(IntegrityError, match=another_rule):
        await database.administer(carry_out)
    assert await database.read(rules) == {DECLARED}


async def test_a_rule_that_is_no_longer_declared_is_dropped(
    database: Database, another_rule: str
) -> None:
    await database.administer(carry_out)
    added = next(rule for rule in rule_constraints(bookings) if rule.name == another_rule)
    bookings.constraints.discard(added)
    before = await database.read(rules_in, "bookings")
    upgrade_again = await database.administer(carry_out)
    assert await database.read(rules) == {DECLARED}
    await database.administer(run, upgrade_again)
    assert await database.read(rules_in, "bookings") == before


@pytest.mark.parametrize(
    ("condition", "of", "reason"),
    [
        ("floor > 1", "flor", r"flor: a rule's `of` must name a column"),
        ("flor > 1", "floor", r"floor: its rule is not valid SQL: no such column: flor"),
        ("floor >", "floor", r"floor: its rule is not valid SQL: .*syntax error"),
    ],
)
def test_a_rule_that_cannot_work_stops_the_start(condition: str, of: str, reason: str) -> None:
    wrong = rule(condition, of=of, otherwise="Must be something else.")
    table = Table("ruled", MetaData(), Column("floor", Integer), wrong)
    with pytest.raises(TypeError, match=rf"^ruled\.{reason}"):
        rules_of(table)


def test_a_rule_stands_there_once() -> None:
    twice = [rule("floor > 1", of="floor", otherwise="Must be more.") for _ in range(2)]
    table = Table("ruled", MetaData(), Column("floor", Integer), *twice)
    with pytest.raises(TypeError, match=r"^ruled\.floor: the same rule stands there twice"):
        rules_of(table)
