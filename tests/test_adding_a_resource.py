"""docs/adding-a-resource.md, followed to the letter in a copy of the repository."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, unmeasured

PAGE = ROOT / "docs" / "adding-a-resource.md"
BLOCK = re.compile(r"^```(python|diff) file=(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(folder: Path, *command: str) -> str:
    """What `python -m command` prints, in the copy; the test fails if it does."""
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**unmeasured(), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def apply(diff: str, path: Path) -> None:
    """Replace each run of `-` lines by the run of `+` lines after it."""
    text = path.read_text()
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        before, after = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in (old, new))
        assert text.count(before) == 1, f"{path.name} has changed: mend the page\n{before}"
        text = text.replace(before, after)
    path.write_text(text)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository, with what mypy knows of it already, if it has run before."""
    folder = tmp_path / "copy"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=ROOT, text=True)
    for name in listed.strip("\0").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    return folder


GENERIC = [
    "tests/test_architecture.py",
    "tests/openapi/test_document.py",
    "tests/storage/test_migrations.py",
    "tests/storage/test_collections.py",
    "tests/api/test_permissions.py",
    "tests/api/test_validators.py",
    "tests/api/test_errors.py",
    "tests/api/test_cors.py",
    "tests/api/test_rate_limits.py",
    "tests/api/test_bounded_work.py",
    "tests/test_docs.py",
]
"""The tests that walk the operations and the tables, whatever these are."""


def test_the_page_adds_a_resource(copy: Path) -> None:
    if not (copy / "schemas" / "orders.py").exists():  # else the page has been followed here
        follow(PAGE.read_text(), copy)
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    run(copy, "mypy", "api/application.py", "tests/api/test_orders.py")
    # Each of the two runs has folders of its own, and cleans up no other.
    folders = f"--basetemp={copy.parent / 'runs'}"
    # On SQLite alone; both databases are compared by the same tests in tests/storage.
    options = ["-q", folders, "-k", "not postgresql"]
    printed = run(copy, "pytest", *options, "tests/api/test_orders.py", *GENERIC)
    assert re.search(r"\d+ passed", printed)


def follow(page: str, copy: Path) -> None:
    blocks = BLOCK.findall(page)
    assert len(blocks) == 5
    for kind, name, content in blocks:
        path = copy / name
        if kind == "diff":
            apply(content, path)
        else:
            assert not path.exists()
            path.write_text(content)
    run(copy, "flask", "--app", "api", "db", "upgrade")
    run(copy, "flask", "--app", "api", "db", "revision", "orders")
    (copy / "docs" / "openapi.json").write_text(run(copy, "flask", "--app", "api", "openapi"))
    options = ["-q", f"--basetemp={copy.parent / 'writing'}", "-k", "not postgresql"]
    run(copy, "pytest", *options, "tests/api/test_permissions.py", "--write-docs")


def test_an_order_takes_few_lines() -> None:
    lines = [
        line
        for kind, name, content in BLOCK.findall(PAGE.read_text())
        if kind == "python" and not name.startswith("tests/")
        for line in content.splitlines()
    ]
    assert len(lines) <= 150
