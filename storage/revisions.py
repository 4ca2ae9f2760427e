"""Which revision of the schema a database is at, and the way to another one (Alembic)."""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class RevisionError(Exception):
    """The database is not at the revision that is wanted, or can't be brought there."""


class DatabaseBehind(RevisionError):
    """A migration is missing in the database."""


class DatabaseAhead(RevisionError):
    """A later version of the code has migrated the database."""


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None if it holds nothing yet."""
    return MigrationContext.configure(connection).get_current_revision()


def check(connection: Connection) -> None:
    """Raises DatabaseBehind or DatabaseAhead, with what to do about it."""
    found, needed = _known_revision(connection), known()[0]
    if found != needed:
        raise DatabaseBehind(
            f"The database is at revision {found or 'none'}, this version needs {needed}: "
            "run `flask --app api db upgrade`, or set AUTO_MIGRATE=true."
        )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Go up to `revision`, inside the connection's transaction. Raises RevisionError."""
    _migrate(connection, command.upgrade, revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go down to `revision`, or to "base", which is nothing. Raises RevisionError."""
    _migrate(connection, command.downgrade, revision)


def _migrate(connection: Connection, migrate: Callable[[Config, str], None], revision: str) -> None:
    before = _known_revision(connection)
    try:
        migrate(_config(connection), revision)
    except CommandError as error:
        raise RevisionError(str(error)) from None
    after = current(connection)
    if after != before:
        log.info("migrated the database from %s to %s", before or "nothing", after or "nothing")


def _known_revision(connection: Connection) -> str | None:
    found = current(connection)
    if found is not None and found not in known():
        raise DatabaseAhead(
            f"The database is at revision {found}, which this version doesn't know: "
            f"deploy the version that made it, or a later one (this one knows up to {known()[0]})."
        )
    return found


@cache
def known() -> list[str]:
    """All the revisions that this code has, newest first."""
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]


def _config(connection: Connection) -> Config:
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
