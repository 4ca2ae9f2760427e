"""`flask --app api db …`."""

import click
from flask.cli import AppGroup

from api.commands.loop import run
from api.runtime.expiry import Expiry
from api.runtime.services import service
from storage import Database
from storage.collections.collection import COLLECTIONS
from storage.engines import revisions

database = service(Database)
expiry = service(Expiry)
db = AppGroup("db", help="The database's schema.")


@db.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database up to REVISION, by default the newest."""
    run(database.administer(revisions.upgrade, revision))


@db.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the database down to REVISION; `base` drops everything."""
    run(database.administer(revisions.downgrade, revision))


@db.command()
@click.argument("message")
def revision(message: str) -> None:
    """Write a migration called MESSAGE from the difference between the tables and the database.

    Read it before it is used: a renamed column, for one, looks like a new one.
    """
    run(database.administer(revisions.write_revision, message))
    if not revisions.has_formatter():
        click.echo("The migration is not formatted, because ruff is missing: make format", err=True)


@db.command()
def current() -> None:
    """Print the revision of the database."""
    click.echo(run(database.administer(revisions.current)) or "none")


@db.command()
def check() -> None:
    """Say whether the database is at the revision that this version needs; fail if not."""
    run(database.administer(revisions.check))
    click.echo("The database is up to date.")


@db.command()
def rebuild_words() -> None:
    """Split the stored texts into words again, after an upgrade that splits them differently.

    The service may run meanwhile. Until the end, searches may miss rows.
    """
    run(_rebuild_words())


async def _rebuild_words() -> None:
    for collection in COLLECTIONS:
        last: int | None = 0
        while last is not None:
            last = await database.write(collection.rebuild_words, last)


@db.command()
def prune() -> None:
    """Delete expired sessions and stored responses.

    ASGI servers do so every minute. Plain WSGI servers don't: run this command there, for example
    daily.
    """
    run(expiry.delete())
