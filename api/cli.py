"""Management commands: `flask --app api …`."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from api.context import database
from api.cors_check import cors
from storage import DatabaseUnavailable, revisions


def init_app(app: Flask, document: dict[str, Any]) -> None:
    app.cli.add_command(db)
    app.cli.add_command(cors)

    @app.cli.command("openapi")
    def openapi() -> None:
        """Write the OpenAPI document to standard output."""
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))


db = AppGroup("db", help="The database's schema.")


@db.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database up to REVISION, by default the newest."""
    _run(database.administer(revisions.upgrade, revision))


@db.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the database down to REVISION; `base` drops everything."""
    _run(database.administer(revisions.downgrade, revision))


@db.command()
def current() -> None:
    """Say which revision the database is at."""
    click.echo(_run(database.administer(revisions.current)) or "none")


@db.command()
def check() -> None:
    """Say whether the database is at the revision that this version needs; fail if not."""
    _run(database.administer(revisions.check))
    click.echo("The database is up to date.")


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def run_and_close() -> Any:
        try:
            return await coroutine
        finally:
            await database.close()

    try:
        return asyncio.run(run_and_close())
    except (DatabaseUnavailable, revisions.RevisionError) as error:
        raise click.ClickException(str(error)) from None
