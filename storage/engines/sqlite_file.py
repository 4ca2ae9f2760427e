"""Whether the file of an SQLite database is still the one that was opened.

SQLite keeps the file open, so it would go on writing into a file that has been moved, removed or
replaced: acknowledged writes that nothing finds again. A connection to the file that is there now
could damage it with what the others still hold. So such a database isn't used any more.
"""

import logging
import os
from pathlib import Path

from storage.engines.database import DatabaseReadOnly, DatabaseUnavailable

log = logging.getLogger(__name__)

LOST = "has been moved, removed or replaced"

FileId = tuple[int, int] | None
"""Device and inode of a file; None if it isn't there."""


class DatabaseFile:
    """The file at `path`, and its `-wal`, as the first connection found them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._opened: FileId = None
        self._opened_wal: FileId = None
        self._lost = False

    def opened(self) -> None:
        """Remember the file, if a connection has opened it for the first time."""
        self._opened = self._opened or _file_id(self.path)

    def opened_wal(self) -> None:
        """Remember the `-wal`, which the writer has opened. SQLite removes it with the last
        connection, so another connection of the writer may have another one."""
        self._opened_wal = _file_id(self._wal)

    def check(self) -> None:
        """Raise DatabaseUnavailable if another file is in the place of either, or none, and from
        then on."""
        moved = self._opened is not None and _file_id(self.path) != self._opened
        moved_wal = self._opened_wal is not None and _file_id(self._wal) != self._opened_wal
        if (moved or moved_wal) and not self._lost:
            self._lost = True
            log.error(
                "%s or its -wal %s: requests are answered 503 until this process is restarted",
                self.path,
                LOST,
            )
        self.check_known()

    def check_known(self) -> None:
        """Raise DatabaseUnavailable if check() has done so before; costs no look at the disk."""
        if self._lost:
            raise DatabaseUnavailable(f"the database's file {LOST}")

    def check_writable(self) -> None:
        """Raise DatabaseUnavailable as check() does, and DatabaseReadOnly if the file is."""
        self.check()
        if not os.access(self.path, os.W_OK):
            raise DatabaseReadOnly("the database's file is read-only")


def _file_id(path: Path) -> FileId:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
