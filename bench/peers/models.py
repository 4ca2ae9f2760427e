"""The items' table, mapped by SQLAlchemy's ORM, and engines with the application's own settings.

The table is the application's, made by its migrations, so the triggers (tags, full text) cost each
contestant the same. The application's own function splits texts into words.
"""

import importlib.util
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, DateTime, Dialect, Engine, Select, Text, event, select, tuple_
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates
from sqlalchemy.types import TypeDecorator

ROOT = Path(__file__).parents[2]
POOLS = {"sqlite": 5, "postgresql": 10}
"""The application's number of connections to each database; four of SQLite's five are readers."""


SERVER_SETTINGS = {
    "plan_cache_mode": "force_custom_plan",
    "statement_timeout": "1000",
    "idle_in_transaction_session_timeout": "10000",
}
PRAGMAS = """
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
"""


def _words_of() -> Callable[[str | None], list[str]]:
    # From its file: the package `storage` would bring the application's own drivers along.
    path = ROOT / "storage" / "collections" / "words.py"
    found = importlib.util.spec_from_file_location("words", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    words_of: Callable[[str | None], list[str]] = module.words_of
    return words_of


words_of = _words_of()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, as SQLAlchemy's documentation recommends."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime, list[str]: JSON}


Words = Text().with_variant(TSVECTOR(), "postgresql")


class Item(Base):
    """An item; the ORM counts its version and rejects a write based on another version."""

    __tablename__ = "gizmos"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(default=uuid4)
    name: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str]
    quantity: Mapped[int]
    tags: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(onupdate=now)
    version: Mapped[int] = mapped_column()
    name_words: Mapped[str] = mapped_column(Words, deferred=True)
    description_words: Mapped[str] = mapped_column(Words, deferred=True)

    __mapper_args__ = {"version_id_col": version}

    @validates("name", "description")
    def derive_words(self, key: str, text: str | None) -> str | None:
        setattr(self, f"{key}_words", " ".join(words_of(text)))
        return text

    @classmethod
    def create(cls, values: dict[str, Any]) -> "Item":
        moment = now()
        return cls(**values, created_at=moment, updated_at=moment)


def by_id(item_id: UUID) -> Select[Item]:
    return select(Item).where(Item.id == item_id)


def newest(limit: int, cursor: str | None) -> Select[Item]:
    """Select one item more than `limit`, to know whether there is a next page."""
    page = select(Item).order_by(Item.created_at.desc(), Item.id.desc()).limit(limit + 1)
    if cursor is None:
        return page
    moment, item_id = urlsafe_b64decode(cursor).decode().split(" ")
    place = (datetime.fromisoformat(moment), UUID(item_id))
    return page.where(tuple_(Item.created_at, Item.id) < tuple_(*place))


def cursor_behind(item: Item) -> str:
    return urlsafe_b64encode(f"{item.created_at.isoformat()} {item.id}".encode()).decode()


def pool_of(url: str) -> dict[str, int]:
    return {"pool_size": POOLS[url.partition(":")[0]], "max_overflow": 0}


def configure_sqlite(engine: Engine) -> None:
    """Apply the application's settings to each new connection."""

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS.strip().splitlines():
            cursor.execute(pragma)
        cursor.close()
