"""`flask --app api …`, as an operator types it."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from api import create_app
from storage import open_database
from storage.collections.viewers import ANONYMOUS
from storage.engines import revisions
from tests.factory import settings_for
from tests.gizmos import GIZMOS, gizmo_input
from tests.log_lines import leaks_in
from tests.postgresql import Server, empty_database
from tests.processes import environment
from tests.sqlite import migrated_database
from tests.storage.units import execute

NOT_FORMATTED = "The migration is not formatted, because ruff is missing: make format\n"
NEWEST = revisions.known()[0]
FLASK = (sys.executable, "-m", "flask", "--app", "api")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_database(request, tmp_path)


def started(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """The command, running in `folder`, where its data then are."""
    return subprocess.Popen(
        [*FLASK, *arguments],
        cwd=folder,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def flask(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder` until it ends."""
    with started(folder, *arguments, **environ) as process:
        stdout, stderr = process.communicate()
    assert leaks_in([stdout, stderr]) == []
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def invoke(folder: Path, url: str, *arguments: str) -> Result:
    """Run the command on the database at `url` in this process: another one takes a second to
    start."""
    app = create_app(settings_for(folder, DATABASE_URL=url))
    result = app.test_cli_runner().invoke(args=arguments)
    assert leaks_in([result.output]) == []
    return result


def test_migrates_up_and_down(tmp_path: Path, empty_url: str) -> None:
    def db(*arguments: str) -> Result:
        return invoke(tmp_path, empty_url, "db", *arguments)

    current = db("current")
    assert (current.exit_code, current.stdout) == (0, "none\n")
    behind = db("check")
    assert behind.exit_code == 1
    assert behind.stderr == (
        f"Error: The database is at revision none, this version needs {NEWEST}: "
        "run `flask --app api db upgrade`, or set AUTO_MIGRATE=true.\n"
    )
    assert db("upgrade").exit_code == 0
    assert db("check").stdout == "The database is up to date.\n"
    assert db("current").stdout == f"{NEWEST}\n"
    assert db("downgrade", "base").exit_code == 0
    assert db("current").stdout == "none\n"


def test_one_of_several_concurrent_upgrades_migrates(
    tmp_path: Path, empty_url: str, long_form: bool
) -> None:
    """Of three, one migrates, one waits for it and one for both; of eight in the long form."""
    count = 8 if long_form else 3
    processes = [started(tmp_path, "db", "upgrade", DATABASE_URL=empty_url) for _ in range(count)]
    told = ["".join(process.communicate()) for process in processes]
    assert [process.returncode for process in processes] == [0] * count, told
    assert sum(f"migrated the database from nothing to {NEWEST}" in text for text in told) == 1


def test_rebuilds_the_words_of_all_resources(tmp_path: Path, database_url: str) -> None:
    async def names_found(*, emptied: bool) -> list[str]:
        async with open_database(database_url, auto_migrate=False) as database:
            if emptied:
                await database.write(GIZMOS.create, ANONYMOUS, gizmo_input(name="Łódź"))
                await database.write(execute, "UPDATE gizmos SET name_words = ''")
            page = await database.read(GIZMOS.page, ANONYMOUS, {"q": "lodz"}, limit=9)
            return [row.name for row in page.rows]

    with asyncio.Runner() as runner:
        assert runner.run(names_found(emptied=True)) == []
        assert invoke(tmp_path, database_url, "db", "rebuild-words").exit_code == 0
        assert runner.run(names_found(emptied=False)) == ["Łódź"]


@pytest.mark.parametrize("command", [["db", "upgrade", "nope"], ["db", "downgrade", "nope"]])
def test_says_that_there_is_no_such_revision(
    tmp_path: Path, empty_url: str, command: list[str]
) -> None:
    result = invoke(tmp_path, empty_url, *command)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "nope" in result.stderr


def test_a_database_that_does_not_exist_is_one_line(tmp_path: Path, postgresql: Server) -> None:
    url = postgresql.url_of("nobody_made_this").replace("postgres:", "postgres:the-password", 1)
    result = flask(tmp_path, "db", "upgrade", DATABASE_URL=url)
    assert result.returncode == 1
    assert result.stderr == (
        'Error: can\'t connect to PostgreSQL: database "nobody_made_this" does not exist\n'
    )


def test_writes_the_document(tmp_path: Path) -> None:
    result = flask(tmp_path, "openapi")
    assert result.returncode == 0
    assert json.loads(result.stdout)["openapi"] == "3.1.0"


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    result = flask(tmp_path, "openapi", PORT="many")
    assert result.returncode == 1
    assert result.stderr == "PORT=many is not allowed: 0 to 65535\n"


@pytest.mark.no_database
@pytest.mark.parametrize("ruff", [True, False])
def test_a_migration_that_is_not_formatted_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ruff: bool
) -> None:
    copied = shutil.copytree(revisions.MIGRATIONS, tmp_path / "migrations")
    monkeypatch.setattr(revisions, "MIGRATIONS", copied)
    if not ruff:
        monkeypatch.setitem(sys.modules, "ruff", None)
    result = invoke(tmp_path, migrated_database(tmp_path), "db", "revision", "orders")
    assert result.exit_code == 0, result.output
    assert result.stderr.endswith(NOT_FORMATTED) is not ruff
    assert len(list(copied.glob("versions/*_orders.py"))) == 1
    revisions.known.cache_clear()
