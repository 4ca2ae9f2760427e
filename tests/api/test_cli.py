"""`flask --app api …`, as an operator types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def flask(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, where its data then are."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "api", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_migrates_up_and_down(tmp_path: Path) -> None:
    current = flask(tmp_path, "db", "current")
    assert (current.returncode, current.stdout) == (0, "none\n")
    behind = flask(tmp_path, "db", "check")
    assert behind.returncode == 1
    assert behind.stderr == (
        "Error: The database is at revision none, this version needs 0001: "
        "run `flask --app api db upgrade`, or set AUTO_MIGRATE=true.\n"
    )
    assert flask(tmp_path, "db", "upgrade").returncode == 0
    assert flask(tmp_path, "db", "check").stdout == "The database is up to date.\n"
    assert flask(tmp_path, "db", "current").stdout == "0001\n"
    assert flask(tmp_path, "db", "downgrade", "base").returncode == 0
    assert flask(tmp_path, "db", "current").stdout == "none\n"


@pytest.mark.parametrize("command", [["db", "upgrade", "nope"], ["db", "downgrade", "nope"]])
def test_says_that_there_is_no_such_revision(tmp_path: Path, command: list[str]) -> None:
    result = flask(tmp_path, *command)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "nope" in result.stderr


def test_writes_the_document(tmp_path: Path) -> None:
    result = flask(tmp_path, "openapi")
    assert result.returncode == 0
    assert json.loads(result.stdout)["openapi"] == "3.1.0"


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    result = flask(tmp_path, "openapi", PORT="many")
    assert result.returncode == 1
    assert result.stderr == "PORT=many is not allowed: 0 to 65535\n"
