"""Management commands: `flask --app api …`."""

import json
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from api.command_loop import run
from api.context import database, this_app
from api.cors_check import cors
from api.settings_example import settings
from api.user_commands import users
from storage import revisions


def init_app(app: Flask, document: dict[str, Any]) -> None:
    app.cli.add_command(db)
    app.cli.add_command(users)
    app.cli.add_command(cors)
    app.cli.add_command(settings)

    @app.cli.command("openapi")
    def openapi() -> None:
        """Write the OpenAPI document to standard output."""
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))


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
def current() -> None:
    """Say which revision the database is at."""
    click.echo(run(database.administer(revisions.current)) or "none")


@db.command()
def check() -> None:
    """Say whether the database is at the revision that this version needs; fail if not."""
    run(database.administer(revisions.check))
    click.echo("The database is up to date.")


@db.command()
def prune() -> None:
    """Delete sessions and stored answers that have expired.

    Servers do so by themselves every minute. Plain WSGI servers don't: run it once a day or so.
    """
    run(this_app().expiry.delete())
