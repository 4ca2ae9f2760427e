"""Which revision of the schema a database is at, and the way to another one (Alembic).

To tell whether a migration is missing takes no Alembic, so a usual start doesn't import it.
"""

import logging
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, column, inspect, select, table

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"
alembic_version = table("alembic_version", column("version_num"))

Direction = Literal["upgrade", "downgrade"]


class RevisionError(Exception):
    """The database isn't at the required revision, or can't be brought there."""


class DatabaseBehind(RevisionError):
    """A migration is missing in the database."""


class DatabaseAhead(RevisionError):
    """A later version of the code has migrated the database."""


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None if it holds nothing yet."""
    if not inspect(connection).has_table(alembic_version.name):
        return None
    return connection.execute(select(alembic_version)).scalar_one_or_none()


def check(connection: Connection) -> None:
    """Raises DatabaseBehind or DatabaseAhead, with what to do about it."""
    found, needed = _known_revision(connection), newest()
    if found != needed:
        raise DatabaseBehind(
            f"The database is at revision {found or 'none'}, this version needs {needed}: "
            "run `flask --app api db upgrade`, or set AUTO_MIGRATE=true."
        )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Go up to `revision`, inside the connection's transaction. Raises RevisionError."""
    _migrate(connection, "upgrade", revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go down to `revision`, or to "base", which is nothing. Raises RevisionError."""
    _migrate(connection, "downgrade", revision)


def _migrate(connection: Connection, direction: Direction, revision: str) -> None:
    before = _known_revision(connection)
    if (revision, before) == ("head", newest()):
        return
    _run_alembic(connection, direction, revision)
    after = current(connection)
    if after != before:
        log.info("migrated the database from %s to %s", before or "nothing", after or "nothing")


def write_revision(connection: Connection, message: str) -> None:
    """Write a migration from the difference between the tables and the database, which has to be at
    the newest revision. Raises RevisionError."""
    check(connection)
    number = f"{int(newest() or 0) + 1:04}"
    _run_alembic(connection, "revision", message, autogenerate=True, rev_id=number)
    known.cache_clear()


def has_formatter() -> bool:
    """Whether written migrations are formatted: ruff comes with `make check`."""
    return find_spec("ruff") is not None


def _run_alembic(connection: Connection, command: str, *args: str, **options: object) -> None:
    """Inside the connection's transaction. Raises RevisionError."""
    # Alembic takes 60 ms of a start and 3 MB, so it is imported where there is something to do.
    from alembic import command as commands  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    if has_formatter():
        config.set_section_option("post_write_hooks", "hooks", "sort, format")
        for hook, command_line in {"sort": "check --fix --select I", "format": "format"}.items():
            arguments = f"{command_line} --quiet REVISION_SCRIPT_FILENAME"
            settings = {"type": "module", "module": "ruff", "options": arguments}
            for name, value in settings.items():
                config.set_section_option("post_write_hooks", f"{hook}.{name}", value)
    try:
        getattr(commands, command)(config, *args, **options)
    except CommandError as error:
        raise RevisionError(str(error)) from None


def _known_revision(connection: Connection) -> str | None:
    found = current(connection)
    if found is not None and found not in known():
        raise DatabaseAhead(
            f"The database is at revision {found}, which this version doesn't know: "
            f"deploy the version that made it, or a later one (this one knows up to {newest()})."
        )
    return found


def newest() -> str | None:
    """The revision that this code needs; None while there is no migration."""
    return known()[0] if known() else None


@cache
def known() -> list[str]:
    """All the revisions that this code has, newest first: what their files' names begin with.

    Raises RevisionError for one that would have no place among the others.
    """
    names = sorted((file.stem for file in (MIGRATIONS / "versions").glob("*.py")), reverse=True)
    for name in names:
        if not re.match("[0-9]{4}_", name):
            raise RevisionError(f"{name}.py must begin with its revision: four digits, as in 0001_")
    return [name[:4] for name in names]
