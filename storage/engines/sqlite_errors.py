"""Which of SQLite's errors say that the database can't be used."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from storage.engines.database import DatabaseReadOnly, DatabaseUnavailable


def translated(error: BaseException, path: Path) -> BaseException:
    """DatabaseUnavailable, which names the file at `path`, for what isn't the statement's fault;
    besides OperationalError, SQLite raises the bare base class for a damaged file."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not (isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError):
        return error
    read_only = primary_code(cause) == sqlite3.SQLITE_READONLY
    unavailable = (DatabaseReadOnly if read_only else DatabaseUnavailable)(f"{path}: {cause}")
    unavailable.__cause__ = error
    return unavailable


def primary_code(error: BaseException) -> int:
    """Return SQLite's code of `error`, without its extension; 0 if Python itself raised it."""
    return int(getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)) & 0xFF
