"""What the tables share; each stands in its resource's module. migrations/ brings a database to
what they say, and a test compares the two."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import DateTime, MetaData, String, TypeDecorator
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


Reader = Callable[[Any], datetime | None]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite itself would store and return a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:
        # SQLite keeps what the clock shows; asyncpg gives the moment, in UTC.
        return from_clock if dialect.name == "sqlite" else None


def from_clock(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


JSON_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
"""For create_engine(): the standard library's takes several times as long."""


def by_code_point(length: int) -> String:
    """Text that both databases order by code point, as SQLite does by itself."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def is_described(name: str | None, type_: str, _parents: object) -> bool:
    """Whether metadata says anything about it: for Alembic's `include_name`.

    The full-text indexes are of a kind that only one of the databases has.
    """
    return not (type_ in {"table", "index"} and "items_words" in (name or ""))
