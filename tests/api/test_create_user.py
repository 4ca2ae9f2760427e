"""`flask --app api users create-admin` and `create-user`: the first accounts."""

import asyncio
import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import Result

from api import create_app
from api.identity.passwords import HASHER
from schemas.passwords import COMMON
from storage import open_database
from storage.accounts.users import UserRow, find_by_email
from tests.api.test_cli import FLASK
from tests.factory import PASSWORD, settings_for
from tests.processes import environment

EMAIL = "Boss@example.com"
COMMAND = ("users", "create-admin")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/api.db"


def create(
    folder: Path, url: str, email: str, password: bytes, *, command: str = "create-admin"
) -> Result:
    """What the command does with a password that no terminal gives."""
    app = create_app(settings_for(folder, DATABASE_URL=url))
    return app.test_cli_runner().invoke(args=["users", command, email], input=password)


def boss_of(url: str) -> UserRow | None:
    async def find() -> UserRow | None:
        async with open_database(url, auto_migrate=True) as database:
            return await database.read(find_by_email, EMAIL)

    return asyncio.run(find())


def assert_that_the_boss_can_sign_in(url: str, *, role: str = "admin") -> None:
    user = boss_of(url)
    assert user is not None
    assert (user.email, user.role, user.active) == (EMAIL, role, True)
    assert HASHER.verify(user.password_hash, PASSWORD)


def test_an_admin_is_created_once(tmp_path: Path, database_url: str) -> None:
    created = create(tmp_path, database_url, f" {EMAIL}", PASSWORD.encode())
    assert (created.exit_code, created.stdout) == (
        0,
        f"{EMAIL} can sign in now, with the role admin.\n",
    )
    assert_that_the_boss_can_sign_in(database_url)
    again = create(tmp_path, database_url, EMAIL.upper(), b"another sentence")
    assert again.exit_code == 1
    assert "Error: Another account has this email address.\n" in again.stderr
    assert "flask --app api users set-password BOSS@EXAMPLE.COM\n" in again.stderr
    assert_that_the_boss_can_sign_in(database_url)


def test_a_user_is_created_alike(tmp_path: Path, url: str) -> None:
    created = create(tmp_path, url, EMAIL, PASSWORD.encode(), command="create-user")
    assert (created.exit_code, created.stdout) == (
        0,
        f"{EMAIL} can sign in now, with the role user.\n",
    )
    assert_that_the_boss_can_sign_in(url, role="user")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_end_of_the_line_is_no_part_of_the_password(tmp_path: Path, url: str, end: str) -> None:
    assert create(tmp_path, url, EMAIL, f"{PASSWORD}{end}".encode()).exit_code == 0
    assert_that_the_boss_can_sign_in(url)


@pytest.mark.parametrize(
    ("email", "password", "complaint"),
    [
        ("boss", PASSWORD.encode(), "email: Not an email address."),
        (EMAIL, b"", "password: Length must be between 12 and 128."),
        (EMAIL, b"eleven char\n", "password: Length must be between 12 and 128."),
        (EMAIL, b"\xff" * 20, "password: Not UTF-8."),
        (EMAIL, b"\0" * 20, "password: Must not contain the character NUL."),
        (EMAIL, b"passwordpassword", f"password: {COMMON}"),
    ],
)
def test_rejects_an_account_that_could_not_sign_in(
    tmp_path: Path, url: str, email: str, password: bytes, complaint: str
) -> None:
    result = create(tmp_path, url, email, password)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: Invalid value for {complaint}\n")
    assert boss_of(url) is None


def test_takes_the_password_from_a_pipe(tmp_path: Path, url: str) -> None:
    result = subprocess.run(
        [*FLASK, *COMMAND, EMAIL],
        cwd=tmp_path,
        env=environment(DATABASE_URL=url),
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (
        0,
        f"{EMAIL} can sign in now, with the role admin.\n",
    )
    assert "user_created" in result.stderr
    assert PASSWORD not in result.stderr
    assert_that_the_boss_can_sign_in(url)


def test_asks_at_a_terminal_twice_and_shows_nothing(tmp_path: Path, url: str) -> None:
    keyboard, terminal = pty.openpty()
    # The leader of a session is controlled by the first terminal that it opens.
    opens_it = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(terminal)]
    with subprocess.Popen(
        [*opens_it, *FLASK, *COMMAND, EMAIL],
        cwd=tmp_path,
        env=environment(DATABASE_URL=url),
        stdin=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)  # once no process has it open, reading fails
        shown = b""

        def wait_for(text: bytes) -> None:
            nonlocal shown
            while text not in shown:
                shown += os.read(keyboard, 1)

        for prompt in (b"Password (12 to 128 characters): ", b"Repeat for confirmation: "):
            wait_for(prompt)
            os.write(keyboard, f"{PASSWORD}\n".encode())
        wait_for(b"can sign in now, with the role admin.")
    os.close(keyboard)
    assert process.returncode == 0
    assert PASSWORD.encode() not in shown
    assert_that_the_boss_can_sign_in(url)
