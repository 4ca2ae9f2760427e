"""The tables, the functions over them, and the Database that runs those functions.

A function takes a Connection first and returns rows; what goes wrong it raises as a fact.
"""

from importlib import import_module

from storage.engines.database import Database, DatabaseUnavailable, PoolOptions
from storage.engines.observer import Observer

__all__ = ["Database", "DatabaseUnavailable", "PoolOptions", "open_database"]

# Where the class is for an address that begins so. What only PostgreSQL needs, asyncpg and with it
# SQLAlchemy's ORM, takes a fifth of a start and 9 MB, so it is imported where it is used.
DATABASES = {
    "sqlite": ("storage.engines.sqlite", "SqliteDatabase"),
    "postgresql": ("storage.engines.postgresql", "PostgresDatabase"),
}


def open_database(
    url: str,
    *,
    auto_migrate: bool,
    pool: PoolOptions | None = None,
    observer: Observer | None = None,
) -> Database:
    """The Database for `url`, which starts with sqlite: or postgresql:; nothing connects yet."""
    module, name = DATABASES["sqlite" if url.startswith("sqlite:") else "postgresql"]
    database: Database = getattr(import_module(module), name)(
        url,
        auto_migrate=auto_migrate,
        pool=pool or PoolOptions(),
        observer=observer or Observer(),
    )
    return database
