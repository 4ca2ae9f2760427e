"""Statements that the driver executes from the second time on: they do what they did the first."""

import asyncio
import contextlib
import gc
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4
from weakref import ref

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Executable,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, StatementError

from storage import Database, DatabaseUnavailable, open_database
from storage.column_types import FixedPoint, UtcDateTime
from storage.engines import statements as engine_statements
from storage.engines.statements import Returned
from tests.statements import statements
from tests.storage.units import PATIENT, execute, scalars

TIMES = 9
"""More than SQLite's readers, each of which has its own connection."""

notes = Table(
    "notes",
    MetaData(),
    SqlColumn("body", String, unique=True),
    SqlColumn("number", Integer, default=lambda: 1),
)
CREATE = insert(notes)
SECRET = {"number": "a secret"}


class Seen(list[tuple[Any, int]]):
    """The rows of each execution, and its number of rows; `direct`: how many the driver made."""

    direct = 0


async def run(
    database: Database, statement: Executable, *each: dict[str, Any], write: bool = False
) -> Seen:
    seen = Seen()

    def once(connection: Connection, values: dict[str, Any]) -> None:
        result = connection.execute(statement, values)
        seen.direct += isinstance(result, Returned)
        # A change is counted; a text may be either.
        seen.append((None, result.rowcount) if statement.is_dml else (result.all(), 0))

    for values in each:
        await (database.write_statement if write else database.read)(once, values)
    return seen


@pytest.fixture
async def database(database: Database) -> Database:
    await database.write(execute, "ALTER TABLE notes ADD COLUMN number INTEGER")
    return database


async def test_values_of_every_type_are_the_same_each_time(database: Database) -> None:
    moment = datetime(2026, 11, 30, 1, 2, 3, 4, tzinfo=UTC)
    id_, price = uuid4(), Decimal("1.50")
    statement = select(
        literal(id_, Uuid).label("id"),
        literal(moment, UtcDateTime),
        literal(price, FixedPoint(6, 2)).label("price"),
        literal({"a": [1, None]}, JSON),
        literal(True, Boolean),
        bindparam("number", type_=Integer).label("number"),
        func.count(),
        null(),
    )
    seen = await run(database, statement, *({"number": number} for number in range(TIMES)))
    assert seen.direct >= TIMES - 4
    for number, ([row], _) in enumerate(seen):
        assert tuple(row) == (id_, moment, price, {"a": [1, None]}, True, number, 1, None)
        assert (row.id, row.price, row.number) == (id_, price, number)


@pytest.mark.parametrize(
    "statement",
    [
        select(text("7 AS number"), literal(8)),
        text("SELECT 7 AS number, 8"),
        select(literal(7).label("number"), literal(8)).where(literal(7).in_([6, 7])),
    ],
    ids=["text among columns", "text", "a list of values"],
)
async def test_sqlalchemy_executes_what_it_must(database: Database, statement: Executable) -> None:
    seen = await run(database, statement, *[{}] * TIMES)
    assert seen.direct == 0
    assert all((row.number, row[1]) == (7, 8) for [row], _ in seen)


async def test_columns_of_a_text_are_found_by_their_names(database: Database) -> None:
    query = text("SELECT 2.25 AS price, 7 AS number").columns(number=Integer, price=Float)
    seen = await run(database, query, *[{}] * TIMES)
    assert all((row.number, row.price) == (7, 2.25) for [row], _ in seen)


async def test_a_value_that_is_computed_is_computed_each_time(database: Database) -> None:
    numbers = count()
    query = select(bindparam("number", type_=Integer, callable_=lambda: next(numbers)))
    seen = await run(database, query, *[{}] * TIMES)
    assert len({row[0] for [row], _ in seen}) == TIMES


async def test_a_missing_value_is_an_error_each_time(database: Database) -> None:
    query = select(bindparam("number", type_=Integer))
    for number in range(TIMES):
        assert [row[0] for [row], _ in await run(database, query, {"number": number})] == [number]
        with pytest.raises(StatementError, match="'number'"):
            await run(database, query, {"numbr": 1})


async def test_two_columns_with_one_name_are_ambiguous_each_time(database: Database) -> None:
    query = select(literal(1).label("x"), literal(2).label("x"))
    for [row], _ in await run(database, query, *[{}] * TIMES):
        with pytest.raises(InvalidRequestError, match="Ambiguous"):
            _ = row.x


async def test_few_of_the_forms_of_a_statement_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_statements, "MAX_FORMS", 1)
    forms: list[dict[str, Any]] = [{"body": "a", "number": 1}, {"number": 2, "body": "b"}]
    other: dict[str, Any] = {"body": "c"}
    create = insert(
        Table("notes", MetaData(), SqlColumn("body", String), SqlColumn("number", Integer))
    )
    seen = await run(database, create, *forms, other, {"body": "d"}, write=True)
    assert ([number for _, number in seen], seen.direct) == ([1] * 4, 1)
    assert await database.read(scalars, "SELECT body FROM notes ORDER BY body") == list("abcd")


async def test_lists_of_other_lengths_find_other_rows(database: Database) -> None:
    await run(database, insert(notes), {"body": "a"}, {"body": "b"}, write=True)
    statement = select(notes.c.body).where(notes.c.body.in_(bindparam("some", expanding=True)))
    seen = await run(database, statement, *({"some": list("abc"[:n])} for n in (0, 1, 2, 3, 0)))
    assert [len(found) for found, _ in seen] == [0, 1, 2, 2, 0]


async def test_an_update_sets_what_it_has_values_for(database: Database) -> None:
    await run(database, insert(notes), {"body": "a"}, {"body": "b", "number": 2}, write=True)
    change = update(notes).where(notes.c.body == bindparam("which"))
    each: list[dict[str, Any]] = [{"which": "a", "number": 5}, {"which": "a", "body": "c"}] * 3
    seen = await run(database, change, *each[:2], {"which": "a"} | each[0], write=True)
    assert [changed for _, changed in seen] == [1, 1, 0]
    for _ in range(3):
        await run(database, change, {"which": "b", "number": 7, "body": "b"}, write=True)
    found = await database.read(scalars, "SELECT body || number FROM notes ORDER BY body")
    assert found == ["b7", "c5"]


async def test_defaults_that_python_computes_are_kept(database: Database) -> None:
    await run(database, insert(notes), *({"body": str(n)} for n in range(4)), write=True)
    assert await database.read(scalars, "SELECT number FROM notes") == [1] * 4


async def test_a_deletion_says_how_many_rows_it_met(database: Database) -> None:
    await run(database, insert(notes), *({"body": str(n)} for n in range(4)), write=True)
    gone = delete(notes).where(notes.c.body == bindparam("which"))
    which = [{"which": "0"}, {"which": "1"}, {"which": "1"}, {"which": "2"}]
    seen = await run(database, gone, *which, write=True)
    assert ([met for _, met in seen], seen.direct) == ([1, 1, 0, 1], 3)


async def test_errors_are_sqlalchemys_and_show_no_values(database: Database) -> None:
    secret = {"body": SECRET["number"], "number": 1}
    for write in (database.write, database.write_statement):
        with contextlib.suppress(IntegrityError):
            await write(lambda connection: connection.execute(insert(notes), secret))
        for _ in range(3):
            with pytest.raises(IntegrityError, match=r"(?i)unique constraint") as caught:
                await write(lambda connection: connection.execute(CREATE, secret))
            assert SECRET["number"] not in "".join(traceback.format_exception(caught.value))
    wrong = select(literal(1) / func.no_such_function(literal(1)))
    for _ in range(3):
        with pytest.raises((DBAPIError, DatabaseUnavailable), match="no_such_function"):
            await run(database, wrong, {})


async def test_what_listens_to_events_sees_each_statement(database: Database) -> None:
    statement = select(literal(1))
    await run(database, statement, *[{}] * TIMES)
    with statements() as listened:
        assert (await run(database, statement, {}, {})).direct == 0
    assert len(listened) == 2
    assert (await run(database, statement, {})).direct == 1


async def test_a_statement_that_is_kept_nowhere_is_forgotten(database: Database) -> None:
    kept = []
    for _ in range(3):  # SQLAlchemy's cache keeps the first of equal ones
        statement = select(literal(1))
        await run(database, statement, *[{}] * TIMES)
        kept.append(ref(statement))
    del statement
    gc.collect()
    assert [found() for found in kept[1:]] == [None, None]


async def test_closing_waits_for_what_was_just_asked_for(database_url: str) -> None:
    database = open_database(database_url, auto_migrate=True, pool=PATIENT)
    async with database:
        reading = asyncio.ensure_future(database.read(scalars, "SELECT 1"))
        await asyncio.sleep(0)  # it begins
    assert await reading == [1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_value_of_a_wrong_type_is_in_no_error(database: Database) -> None:
    for type_ in (Integer, String):
        query = select(cast(bindparam("number", type_=type_), Integer))
        for _ in range(3):
            with pytest.raises(DBAPIError, match="invalid input") as caught:
                await run(database, query, SECRET)
            assert SECRET["number"] not in "".join(traceback.format_exception(caught.value))
