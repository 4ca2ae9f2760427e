"""The tables, the functions over them, and the Database that runs those functions.

A function takes a Connection first and returns rows; what goes wrong it raises as a fact.
"""

from storage.database import Database, DatabaseUnavailable
from storage.observer import Observer, Unobserved
from storage.postgresql import PoolOptions, PostgresDatabase
from storage.sqlite import SqliteDatabase

__all__ = ["Database", "DatabaseUnavailable", "PoolOptions", "open_database"]


def open_database(
    url: str,
    *,
    auto_migrate: bool,
    pool: PoolOptions | None = None,
    observer: Observer | None = None,
) -> Database:
    """The Database for `url`, which starts with sqlite: or postgresql:; nothing connects yet."""
    observer = observer or Unobserved()
    if url.startswith("sqlite:"):
        return SqliteDatabase(url, auto_migrate=auto_migrate, observer=observer)
    pool = pool or PoolOptions()
    return PostgresDatabase(url, auto_migrate=auto_migrate, pool=pool, observer=observer)
