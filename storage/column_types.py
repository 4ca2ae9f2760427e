"""The metadata of all tables, and the types of their columns that SQLAlchemy lacks.

migrations/ brings a database to what the tables say, and a test compares the two.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite itself would store and return a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        # SQLite keeps what the clock shows; asyncpg gives the moment, in UTC.
        return from_clock if dialect.name == "sqlite" else None


def from_clock(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


class Later(FunctionElement[datetime]):
    """`Later(column, now)`: now, but at least a microsecond later than the column.

    The statement that changes the row computes it. A clock that was read before may be that of a
    request that then waited for another one's change of the row, or may have been set back.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, column: ColumnElement[datetime], now: ColumnElement[datetime]) -> None:
        super().__init__(column, now)


@compiles(Later, "postgresql")
def _greatest(later: Later, compiler: SQLCompiler, **options: Any) -> str:
    column, now = (compiler.process(clause, **options) for clause in later.clauses)
    return f"greatest({column} + interval '1 microsecond', {now})"


@compiles(Later, "sqlite")
def _maximum(later: Later, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite rounds to milliseconds, so this counts the microseconds since 1970.
    column, now = (compiler.process(clause, **options) for clause in later.clauses)
    next_ = f"(strftime('%s', substr({column}, 1, 19)) * 1000000 + substr({column}, 21) + 1)"
    seconds = f"strftime('%Y-%m-%d %H:%M:%S', {next_} / 1000000, 'unixepoch')"
    return f"max({seconds} || printf('.%06d', {next_} % 1000000), {now})"


class Words(TypeDecorator[list[str]]):
    """The words of a text, as the database's full-text index takes them."""

    impl = Text().with_variant(TSVECTOR(), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        # A word has letters, digits and marks only, so a quote never needs a quote.
        quote = "'" if dialect.name == "postgresql" else ""
        return None if value is None else " ".join(f"{quote}{word}{quote}" for word in value)


class FixedPoint(TypeDecorator[Decimal]):
    """A Decimal with `places` digits after the point, exact on both databases.

    SQLite has no decimals, and would store a float; there it is an integer of the smallest unit. So
    it has at most 18 digits. A value with more places raises ValueError.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, digits: int, places: int) -> None:
        if not 0 <= places <= digits <= 18:
            raise ValueError("0 <= places <= digits <= 18")
        self.digits, self.places = digits, places
        super().__init__(digits, places)

    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return BigInteger()
        return Numeric(self.digits, self.places)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimal places")
        return int(scaled) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value).scaleb(-self.places if dialect.name == "sqlite" else 0)


def max_integer(type_: TypeEngine[Any]) -> int | None:
    """Return the largest value of a column of integers; None if it is of another type."""
    largest = {SmallInteger: 2**15 - 1, BigInteger: 2**63 - 1, Integer: 2**31 - 1}
    return next((size for kind, size in largest.items() if isinstance(type_, kind)), None)


ENGINE_OPTIONS: dict[str, Any] = {
    "hide_parameters": True,  # or an error's text has the data
    # The standard library's take several times as long.
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}


def by_code_point(length: int) -> String:
    """Text that both databases order by code point, as SQLite does by itself."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def is_described(name: str | None, type_: str, _parents: object) -> bool:
    """Whether metadata says anything about it: for Alembic's `include_name`.

    The full-text indexes are of a kind that only one of the databases has.
    """
    return not (type_ in {"table", "index"} and "_full_text" in (name or ""))
