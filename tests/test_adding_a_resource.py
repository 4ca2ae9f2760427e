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
    ignore = shutil.ignore_patterns(".*", "__pycache__", "data", "build", "node_modules")
    shutil.copytree(ROOT, folder, ignore=ignore)
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    return folder


def test_the_page_adds_a_resource(copy: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == 6
    for kind, name, content in blocks:
        path = copy / name
        if kind == "diff":
            apply(content, path)
        else:
            assert not path.exists()
            path.write_text(content)
    (copy / "docs" / "openapi.json").write_text(run(copy, "flask", "--app", "api", "openapi"))
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    run(copy, "mypy", "api/application.py", "tests/api/test_notes.py")
    generic = ["tests/openapi/test_document.py", "tests/storage/test_migrations.py"]
    # Each of the two runs has folders of its own, and cleans up no other.
    folders = f"--basetemp={copy.parent / 'runs'}"
    specific = ["tests/api/test_notes.py", "tests/test_architecture.py"]
    printed = run(copy, "pytest", "-q", folders, *specific, *generic)
    assert re.search(r"\d+ passed", printed)
