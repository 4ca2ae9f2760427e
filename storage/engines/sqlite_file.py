"""Whether the file of an SQLite database is still the one that was opened.

SQLite keeps the file open, so it would go on writing into a file that has been moved, removed or
replaced: acknowledged writes that nothing finds again. A connection to the file that is there now
could damage it with what the others still hold. So such a database stays read-only until the end.
"""

import logging
import os
from pathlib import Path

from storage.engines.database import DatabaseReadOnly

log = logging.getLogger(__name__)

Identity = tuple[int, int] | None


class DatabaseFile:
    """The file at `path`, and its `-wal`, as the first connection found them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._opened: Identity = None
        self._opened_wal: Identity = None
        self._lost = False

    def opened(self) -> None:
        """Remember the file, if a connection has opened it for the first time."""
        self._opened = self._opened or _identity(self.path)

    def forget_wal(self) -> None:
        """The writer connects anew. SQLite may have removed the `-wal` with the last connection."""
        self._opened_wal = None

    def check(self, *, wal: bool = False) -> None:
        """Raise DatabaseReadOnly if another file has taken its place, or none; `wal`: the same of
        the `-wal`, which is open at the time of the call."""
        moved = self._opened is not None and _identity(self.path) != self._opened
        if wal:
            found = _identity(self._wal)
            self._opened_wal = self._opened_wal or found
            moved = moved or found != self._opened_wal
        if moved and not self._lost:
            self._lost = True
            log.error(
                "the database's file or its -wal has been moved, removed or replaced: writes are "
                "refused until this process is restarted (%s)",
                self.path,
            )
        if self._lost:
            raise DatabaseReadOnly("the database's file has been moved, removed or replaced")

    def check_writable(self) -> None:
        """Raise DatabaseReadOnly if a write to the file isn't possible, or would be lost."""
        self.check(wal=self._opened_wal is not None)
        if not os.access(self.path, os.W_OK):
            raise DatabaseReadOnly("the database's file is read-only")


def _identity(path: Path) -> Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
