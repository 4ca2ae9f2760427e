"""Management commands: `flask --app api …`."""

import asyncio
import json
import re
import sys
from collections.abc import Coroutine
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from marshmallow import ValidationError

from api import audit
from api.app import Api
from api.context import database, passwords
from api.cors_check import cors
from api.settings_example import settings
from schemas.users import UserInput
from storage import DatabaseUnavailable, revisions
from storage import users as stored
from storage.users import ADMIN, USER, EmailTaken


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


users = AppGroup("users", help="Who may sign in.")


def _valid(field: str, text: str) -> str:
    """What a new user's `field` takes `text` for. Raises click.BadParameter."""
    try:
        return str(UserInput().fields[field].deserialize(text))
    except ValidationError as error:
        raise click.BadParameter(" ".join(error.messages), param_hint=field) from None


an_address = click.argument(
    "email", callback=lambda _context, about, text: _valid(about.name, text)
)


@users.command("create-user")
@an_address
def create_user(email: str) -> None:
    """Create a user, who signs in with the address EMAIL.

    The password is asked for, or else comes from standard input. It is no argument: everybody on
    the machine can read those.
    """
    _create(email, USER)


@users.command("create-admin")
@an_address
def create_admin(email: str) -> None:
    """Create an admin, who signs in with the address EMAIL; like create-user."""
    _create(email, ADMIN)


def _create(email: str, role: str) -> None:
    _run(_insert(email, _valid("password", _read_password()), role))
    click.echo(f"{email} can sign in now, with the role {role}.")


async def _insert(email: str, password: str, role: str) -> None:
    user = await database.write(
        stored.create_user, email=email, password_hash=await passwords.hash(password), role=role
    )
    audit.record("user_created", user_id=user.id, role=role)


def _read_password() -> str:
    if sys.stdin.isatty():
        prompt = "Password (12 to 128 characters)"
        return click.prompt(prompt, hide_input=True, confirmation_prompt=True)
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise click.BadParameter("Not UTF-8.", param_hint="password") from None
    return re.sub(r"\r?\n\Z", "", text)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def run_and_close() -> Any:
        try:
            return await coroutine
        finally:
            await cast(Api, current_app).close()

    try:
        return asyncio.run(run_and_close())
    except EmailTaken:
        raise click.ClickException("Another account has this email address.") from None
    except (DatabaseUnavailable, revisions.RevisionError) as error:
        raise click.ClickException(str(error)) from None
