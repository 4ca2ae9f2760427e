"""`flask --app api users`: what an operator does with accounts that are there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
from click.testing import Result

from api import create_app
from api.config.settings import Settings
from api.identity.passwords import Passwords
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.tables import ADMIN
from storage.accounts.users import UserRow, find_by_email
from tests.accounts import account, another_session, sessions_of
from tests.factory import MARKER, settings_for

T = TypeVar("T")

EMAIL = "ada@example.com"
NEW = f"{MARKER}, a new one"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url)


def do(settings: Settings, work: Callable[[AsyncFlask], Awaitable[T]]) -> T:
    """The result of `work` with an application that serves meanwhile."""

    async def run() -> T:
        async with create_app(settings) as app:
            return await work(app)

    return asyncio.run(run())


def users(settings: Settings, *arguments: str, password: str | None = None) -> Result:
    runner = create_app(settings).test_cli_runner()
    return runner.invoke(args=["users", *arguments], input=password)


async def with_two_sessions(app: AsyncFlask) -> UUID:
    ada = await account(app, email=EMAIL)
    await another_session(app, ada.user)
    user_id: UUID = ada.user.id
    return user_id


def found(settings: Settings) -> tuple[UserRow, bool, int]:
    """The user, whether NEW is the password, and how many sessions there are."""

    async def find(app: AsyncFlask) -> tuple[UserRow, bool, int]:
        user = await app.services[Database].read(find_by_email, EMAIL)
        assert user is not None
        sessions = await app.services[Database].read(sessions_of, user.id)
        return (
            user,
            await app.services[Passwords].verify(NEW, user.password_hash),
            len(sessions),
        )

    return do(settings, find)


def test_a_new_password_ends_all_sessions(settings: Settings, logged: Callable[[], str]) -> None:
    do(settings, with_two_sessions)
    result = users(settings, "set-password", EMAIL.upper(), password=f"{NEW}\n")
    assert (result.exit_code, result.stdout) == (
        0,
        "ADA@EXAMPLE.COM has a new password, and is signed out everywhere.\n",
    )
    assert logged().count("password_changed") == 1
    user, is_new, sessions = found(settings)
    assert (user.version, is_new, sessions) == (2, True, 0)


def test_a_password_that_is_easy_to_guess_is_refused(settings: Settings) -> None:
    do(settings, with_two_sessions)
    for password in ("ada@example.com!", "passwordpassword", "short"):
        result = users(settings, "set-password", EMAIL, password=password)
        assert result.exit_code == 2
        assert "Error: Invalid value for password: " in result.stderr
    user, is_new, sessions = found(settings)
    assert (user.version, is_new, sessions) == (1, False, 2)


def test_deactivates(settings: Settings, logged: Callable[[], str]) -> None:
    do(settings, with_two_sessions)
    result = users(settings, "deactivate", EMAIL)
    assert (result.exit_code, result.stdout) == (
        0,
        "ada@example.com is deactivated, and signed out everywhere.\n",
    )
    assert logged().count("user_deactivated") == 1
    user, _, sessions = found(settings)
    assert (user.active, sessions) == (False, 0)
    again = users(settings, "set-password", EMAIL, password=NEW)
    assert again.stdout.endswith("The account is deactivated: an admin can reactivate it.\n")


def test_the_last_admin_is_not_removed(settings: Settings) -> None:
    do(settings, lambda app: account(app, ADMIN, email=EMAIL))
    result = users(settings, "deactivate", EMAIL)
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: This is the last active admin: create another first.\n")
    assert found(settings)[0].active


@pytest.mark.parametrize("command", ["set-password", "deactivate"])
def test_reports_an_unknown_address(settings: Settings, command: str) -> None:
    result = users(settings, command, EMAIL, password=NEW)
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: No user has the address ada@example.com.\n")


def test_lists_all(settings: Settings) -> None:
    async def create_many(app: AsyncFlask) -> list[UserRow]:
        rows = [(await account(app, email=f"user-{n}@example.com")).user for n in range(205)]
        return [*rows, (await account(app, ADMIN, email=EMAIL)).user]

    rows = do(settings, create_many)
    assert users(settings, "deactivate", "user-7@example.com").exit_code == 0
    lines = users(settings, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(row.id) for row in reversed(rows)]
    day = f"{rows[-1].created_at:%Y-%m-%d}"
    assert lines[0] == f"{rows[-1].id}  admin  active  {day}  {EMAIL}"
    assert lines[-8].split()[1:] == ["user", "closed", day, "user-7@example.com"]
