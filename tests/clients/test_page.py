"""docs/clients.md, followed to the letter; the programs on it but for the server's address."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.config.settings import Settings
from tests.clients.conftest import TypeScriptApp
from tests.factory import settings_for
from tests.processes import ROOT, command_started, environment

SERVER = "http://localhost:8000"
PAGE = (ROOT / "docs" / "clients.md").read_text()
BLOCK = re.compile(r"^```(?:\w+ file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROGRAMS = {name: text for name, text in BLOCK.findall(PAGE) if name}
[COMMANDS] = [text.splitlines() for name, text in BLOCK.findall(PAGE) if not name]
SHOWN = {
    "items.ts": "Paint todo\n/name Must not be blank.\n",
    "items.py": "Paint todo\n/name Must not be blank.\n",
    "sign-in.ts": "ada@example.com\n",
    "sign_in.py": "ada@example.com\n",
}
NO_PART_OF_A_CLONE = shutil.ignore_patterns(
    *(".git", ".venv", ".env", ".*_cache", ".hypothesis"),
    *("__pycache__", "build", "data", "node_modules", "*.db*"),
)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url)


def written(name: str, folder: Path, address: str) -> Path:
    """The page's program of this name, in a file, for the server at `address`."""
    path = folder / name
    path.write_text(PROGRAMS[name].replace(SERVER, address))
    return path


def run(folder: Path, *command: str | Path, **environ: str) -> str:
    """What the command prints; the test fails if it does."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def typescript_app(typescript_sdk: Path, tmp_path_factory: pytest.TempPathFactory) -> TypeScriptApp:
    app = TypeScriptApp(tmp_path_factory.mktemp("app"), typescript_sdk)
    for name in ("items.ts", "sign-in.ts"):
        written(name, app.folder, SERVER)
    app.compile()
    return app


@pytest.mark.parametrize("name", ["items.ts", "sign-in.ts"])
def test_the_typescript_programs_run(typescript_app: TypeScriptApp, live: str, name: str) -> None:
    compiled = (typescript_app.folder / name).with_suffix(".js")
    path = compiled.with_suffix(".live.js")
    path.write_text(compiled.read_text().replace(SERVER, live))
    assert typescript_app.node(path) == SHOWN[name]


@pytest.mark.parametrize("name", ["items.py", "sign_in.py"])
def test_the_python_programs_run(python_sdk: Path, live: str, tmp_path: Path, name: str) -> None:
    path = written(name, tmp_path, live)
    assert run(tmp_path, sys.executable, path, PYTHONPATH=str(python_sdk)) == SHOWN[name]


def test_the_python_programs_have_the_right_types(python_sdk: Path, tmp_path: Path) -> None:
    paths = [written(name, tmp_path, SERVER) for name in ("items.py", "sign_in.py")]
    checked = run(
        tmp_path, sys.executable, "-m", "mypy", "--strict", *paths, MYPYPATH=str(python_sdk)
    )
    assert "no issues found in 2 source files" in checked


def test_the_curl_commands_run(live: str, tmp_path: Path) -> None:
    path = written("items.sh", tmp_path, live)
    answers = json_values(run(tmp_path, "bash", "-eu", path))
    created, page, changed, refused, user, me = answers
    assert page["items"] == [created]
    assert changed.items() > {"id": created["id"], "status": "done", "version": 2}.items()
    assert refused["errors"][0]["pointer"] == "/name"
    assert me == user
    assert me["email"] == "bob@example.com"


def json_values(text: str) -> Iterator[Any]:
    """The values that stand in `text` one after the other."""
    end = 0
    while end < len(text):
        value, end = json.JSONDecoder().raw_decode(text, end)
        yield value


def test_the_program_that_the_commands_run_is_the_one_on_the_page() -> None:
    path = ROOT / "clients" / "typescript" / "first-item.ts"
    assert PROGRAMS["first-item.ts"] == path.read_text()


def test_five_commands_lead_from_nothing_to_an_item(
    python_sdk: Path, typescript_sdk: Path, tmp_path: Path, long_form: bool
) -> None:
    """The clone is a copy of this folder, its .venv the one in use, and its port any free one.

    The clients are the ones that `make test` has generated with the same command; in the long form
    they are generated in the clone too.
    """
    clone, enter, *make_sdk, serve, create = COMMANDS
    assert clone == "git clone $REPOSITORY items-api"
    shutil.copytree(ROOT, tmp_path / "items-api", ignore=NO_PART_OF_A_CLONE)
    folder = tmp_path / enter.removeprefix("cd ")
    if not long_form:
        (folder / "build").mkdir()
        (folder / "build" / "sdk").symlink_to(python_sdk.parent)
    makeflags = {"MAKEFLAGS": f"VENV={sys.prefix}", "PYTHONPATH": ""}
    for command in make_sdk:
        run(folder, *command.split(), **makeflags)
    assert (folder / "build" / "sdk" / "typescript" / "index.js").exists()
    with command_started(folder, *serve.split(), PORT="0", **makeflags) as address:
        printed = run(folder, *create.split(), ITEMS_API=address)
    assert "name: 'First item'" in printed
    assert len(COMMANDS) == 5
