"""`flask --app api users …`: accounts, for the operator."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup
from marshmallow import ValidationError

from api.commands.loop import run
from api.identity.passwords import Passwords
from api.observability import audit
from api.runtime.services import service
from schemas.users import UserInput
from storage import Database
from storage.accounts import credentials
from storage.accounts import users as stored
from storage.accounts.errors import EmailTaken, LastAdmin, UserNotFound
from storage.accounts.tables import ADMIN, USER
from storage.accounts.users import UserRow
from storage.collections.viewers import OPERATOR

TAKEN = """Another account has this email address.
To set its password: flask --app api users set-password {email}
To make it an admin: sign in as an admin and change its role; or create an admin with another \
address first."""
PAGE = 200

database = service(Database)
passwords = service(Passwords)
users = AppGroup("users", help="The accounts of users.")


def _address(_context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Parse `text` as the email address of an account. Raises click.BadParameter."""
    try:
        return str(UserInput().fields["email"].deserialize(text))
    except ValidationError as error:
        raise click.BadParameter(" ".join(error.messages), param_hint=parameter.name) from None


an_address = click.argument("email", callback=_address)


@users.command("create-user")
@an_address
def create_user(email: str) -> None:
    """Create a user with the address EMAIL.

    The password is prompted for, or read from standard input. It is not an argument, because
    everyone on the machine can read arguments.
    """
    _create(email, USER)


@users.command("create-admin")
@an_address
def create_admin(email: str) -> None:
    """Create an admin with the address EMAIL; like create-user."""
    _create(email, ADMIN)


@users.command("set-password")
@an_address
def set_password(email: str) -> None:
    """Set the password of the user with the address EMAIL, and end their sessions.

    The password is read as in create-user.
    """
    user = run(_set_password(email, _read_password(email)))
    closed = "" if user.active else " The account is deactivated: an admin can reactivate it."
    click.echo(f"{email} has a new password, and is signed out everywhere.{closed}")


@users.command()
@an_address
def deactivate(email: str) -> None:
    """Deactivate the user with the address EMAIL: their sessions end, and they can't sign in."""
    run(_deactivate(email))
    click.echo(f"{email} is deactivated, and signed out everywhere.")


@users.command("list")
def list_users() -> None:
    """List the users, the newest first: id, role, state, when created, email address."""
    for user in run(_all_users()):
        state = "active" if user.active else "closed"
        email = user.email or "(of the identity provider)"
        click.echo(f"{user.id}  {user.role:5}  {state}  {user.created_at:%Y-%m-%d}  {email}")


def _create(email: str, role: str) -> None:
    run(_insert(email, _read_password(email), role))
    click.echo(f"{email} can sign in now, with the role {role}.")


async def _insert(email: str, password: str, role: str) -> None:
    password_hash = await passwords.hash(password)
    try:
        user = await database.write(
            stored.create_user, email=email, password_hash=password_hash, role=role
        )
    except EmailTaken:
        raise click.ClickException(TAKEN.format(email=email)) from None
    audit.record("user_created", user_id=user.id, role=role)


async def _set_password(email: str, password: str) -> UserRow:
    password_hash = await passwords.hash(password)
    with _known(email):
        user = await database.write(credentials.set_password, email, password_hash)
    audit.record("password_changed", user_id=user.id)
    return user


async def _deactivate(email: str) -> None:
    with _known(email):
        user = await database.write(stored.deactivate_user, email)
    audit.record("user_deactivated", user_id=user.id)


@contextmanager
def _known(email: str) -> Iterator[None]:
    """Raise ClickException if no user has the address, or if it is that of the last admin."""
    try:
        yield
    except UserNotFound:
        raise click.ClickException(f"No user has the address {email}.") from None
    except LastAdmin:
        raise click.ClickException("This is the last active admin: create another first.") from None


async def _all_users() -> list[UserRow]:
    page = await database.read(stored.list_users, OPERATOR, limit=PAGE, after=None)
    found = [*page.rows]
    while page.next is not None:
        page = await database.read(stored.list_users, OPERATOR, limit=PAGE, after=page.next)
        found += page.rows
    return found


def _read_password(email: str) -> str:
    """Read a valid password for the user of `email`. Raises click.BadParameter."""
    errors = UserInput().validate({"email": email, "password": (password := _typed_password())})
    if errors:
        raise click.BadParameter(" ".join(errors["password"]), param_hint="password")
    return password


def _typed_password() -> str:
    if sys.stdin.isatty():
        prompt = "Password (12 to 128 characters)"
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise click.BadParameter("Not UTF-8.", param_hint="password") from None
    return re.sub(r"\r?\n\Z", "", text)
