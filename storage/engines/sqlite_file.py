"""The file of an SQLite database: whether it is still the one that was opened, and which errors say
that it can't be used.

SQLite keeps the file open, so it would go on writing into a file that has been moved, removed or
replaced: acknowledged writes that nothing finds again. A connection to the file that is there now
could damage it with what the others still hold. So such a database isn't used any more.
"""

import logging
import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from storage.engines.database import DatabaseReadOnly, DatabaseUnavailable

log = logging.getLogger(__name__)

LOST = "has been moved, removed or replaced"

FileId = tuple[int, int] | None
"""Device and inode of a file; None if it isn't there."""


class DatabaseFile:
    """The file at `path`, its `-wal` and its `-shm`, as the first connection found them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = [path.with_name(f"{path.name}-{ending}") for ending in ("wal", "shm")]
        self._opened: dict[Path, FileId] = dict.fromkeys([path, *self._beside])
        self._lost = False

    def opened(self) -> None:
        """Remember the file, if a connection has opened it for the first time."""
        self._opened[self.path] = self._opened[self.path] or _file_id(self.path)

    def opened_wal(self) -> None:
        """Remember the `-wal` and the `-shm`, which the writer has opened. SQLite removes them with
        the last connection, so another connection of the writer may have others."""
        for path in self._beside:
            self._opened[path] = _file_id(path)

    def check(self) -> None:
        """Raise DatabaseUnavailable if another file is in the place of one of them, or none, and
        from then on."""
        opened = self._opened.items()
        if not self._lost and any(found and _file_id(path) != found for path, found in opened):
            self._lost = True
            log.error(
                "%s, its -wal or its -shm %s: "
                "requests are answered 503 until this process is restarted",
                self.path,
                LOST,
            )
        self.check_known()

    def check_known(self) -> None:
        """Raise DatabaseUnavailable if check() has done so before; costs no look at the disk."""
        if self._lost:
            raise DatabaseUnavailable(f"the database's file {LOST}")

    def check_writable(self) -> None:
        """Raise DatabaseUnavailable as check() does, and DatabaseReadOnly if one of the files is
        read-only."""
        self.check()
        for path in self._opened:
            if not os.access(path, os.W_OK) and path.exists():
                raise DatabaseReadOnly(f"{path} is read-only")

    def translated(self, error: BaseException) -> BaseException:
        """DatabaseUnavailable, which names the file, for what isn't the statement's fault; besides
        OperationalError, SQLite raises the bare base class for a damaged file."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not (
            isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError
        ):
            return error
        read_only = primary_code(cause) == sqlite3.SQLITE_READONLY
        unavailable = DatabaseReadOnly if read_only else DatabaseUnavailable
        translation = unavailable(f"{self.path}: {cause}")
        translation.__cause__ = error
        return translation


def primary_code(error: BaseException) -> int:
    """Return SQLite's code of `error`, without its extension; 0 if Python itself raised it."""
    return int(getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)) & 0xFF


def _file_id(path: Path) -> FileId:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
