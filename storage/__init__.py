"""The tables, the functions over them, and the Database that runs those functions.

A function takes a Connection first and returns rows; it raises the errors of storage.errors.
"""

from storage.engines.database import Database as Database
from storage.engines.database import DatabaseReadOnly as DatabaseReadOnly
from storage.engines.database import DatabaseUnavailable as DatabaseUnavailable
from storage.engines.database import Observer, ignore
from storage.engines.database import PoolOptions as PoolOptions


def open_database(
    url: str,
    *,
    auto_migrate: bool,
    pool: PoolOptions | None = None,
    observer: Observer = ignore,
) -> Database:
    """The Database for `url`, which starts with sqlite: or postgresql:; nothing connects yet."""
    if url.startswith("sqlite:"):
        from storage.engines.sqlite import SqliteDatabase  # noqa: PLC0415  # as below

        return SqliteDatabase(url, auto_migrate=auto_migrate, observer=observer)
    # asyncpg, and with it SQLAlchemy's ORM, takes a fifth of a start and 9 MB.
    from storage.engines.postgresql import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(
        url, auto_migrate=auto_migrate, pool=pool or PoolOptions(), observer=observer
    )
