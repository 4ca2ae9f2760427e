"""Which revision of the schema a database is at, and the way to another one (Alembic)."""

import logging
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class DatabaseBehind(Exception):
    """A migration is missing in the database."""


class DatabaseAhead(Exception):
    """A later version of the code has migrated the database."""


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None if it holds nothing yet."""
    return MigrationContext.configure(connection).get_current_revision()


def check(connection: Connection) -> None:
    """Raises DatabaseBehind or DatabaseAhead, with what to do about it."""
    found, known = _found_and_known(connection)
    if found != known[0]:
        raise DatabaseBehind(
            f"The database is at revision {found or 'none'}, this version needs {known[0]}: "
            "run `flask --app api db upgrade`, or set AUTO_MIGRATE=true."
        )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Go up to `revision`, inside the connection's transaction. Raises DatabaseAhead."""
    before, _ = _found_and_known(connection)
    command.upgrade(_config(connection), revision)
    after = current(connection)
    if after != before:
        log.info("migrated the database from %s to %s", before or "nothing", after)


def downgrade(connection: Connection, revision: str) -> None:
    """Go down to `revision`, or to "base", which is nothing. Raises DatabaseAhead."""
    _found_and_known(connection)
    command.downgrade(_config(connection), revision)


def _found_and_known(connection: Connection) -> tuple[str | None, list[str]]:
    """The database's revision and all that this code knows, newest first."""
    found, known = current(connection), _known_revisions()
    if found is not None and found not in known:
        raise DatabaseAhead(
            f"The database is at revision {found}, which this version doesn't know: "
            f"deploy the version that made it, or a later one (this one knows up to {known[0]})."
        )
    return found, known


@cache
def _known_revisions() -> list[str]:
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]


def _config(connection: Connection) -> Config:
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
