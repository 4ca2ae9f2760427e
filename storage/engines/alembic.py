"""Alembic, told to migrate inside the transaction of a connection."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from storage.engines.revisions import MIGRATIONS, Direction, RevisionError

COMMANDS = {"upgrade": command.upgrade, "downgrade": command.downgrade}


def migrate(connection: Connection, direction: Direction, revision: str) -> None:
    """Up or down to `revision`. Raises RevisionError."""
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        COMMANDS[direction](config, revision)
    except CommandError as error:
        raise RevisionError(str(error)) from None
