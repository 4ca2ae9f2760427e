"""SQLite files that are migrated already, copied from one that is migrated once."""

import asyncio
import contextlib
import functools
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.migrated import migrate


def migrated_database(folder: Path) -> str:
    """The address of the migrated database in `folder`, which is made unless it is there."""
    path = folder / "api.db"
    if not path.exists():
        path.write_bytes(_migrated_file())
    return f"sqlite:///{path}"


@functools.cache
def _migrated_file() -> bytes:
    """The content of a file that the migrations have made, which takes a tenth of a second."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        path = Path(folder) / "api.db"
        # A thread of its own: asyncio.run() would replace the event loop of a test.
        thread.submit(asyncio.run, migrate(f"sqlite:///{path}")).result()
        # Two connections that are closed at the same moment leave the -wal to each other.
        with contextlib.closing(sqlite3.connect(path)) as last:
            last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()
