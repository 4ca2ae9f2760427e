"""docs/make-it-yours.md, followed to the letter in a copy of the repository."""

import subprocess
from pathlib import Path

from tests.guides import blocks_of, copied, follow, run
from tests.processes import ROOT

PAGE = ROOT / "docs" / "make-it-yours.md"
GENERIC = (
    "test_document",
    "test_breaks",
    "test_docs",
    "test_migrations",
    "test_monitoring",
    "test_repository",
)
"""Tests of what the page changes; those of the permissions run as the page is followed."""


def test_the_page_makes_another_service(tmp_path: Path, long_form: bool) -> None:
    copy = copied(tmp_path)
    before = files_of(copy)
    follow(PAGE, copy)
    assert len(before - files_of(copy)) < 80
    assert lines_of_the_resource() < 80
    assert names_of_items_in(copy) - {"CHANGELOG.md"} == {"docs/make-it-yours.md"}
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    if long_form:
        run(copy, "mypy", "--exclude", "tests/clients", ".")
        run(copy, "pytest", "--numprocesses", "auto")
    else:
        # All tests are imported; on SQLite alone, and in the default form, some are run.
        chosen = f"not postgresql and not browser and ({' or '.join(GENERIC)})"
        run(copy, "pytest", "-k", chosen)


def files_of(copy: Path) -> set[str]:
    """The files, by their new names."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=copy, text=True).splitlines()
    return {name.replace("items-api", "parts-api") for name in listed if (copy / name).exists()}


def names_of_items_in(copy: Path) -> set[str]:
    """The files in which the service has its old name."""
    command = ["git", "grep", "-lIiE", "items([-_ ]?api|client)"]
    return set(subprocess.check_output(command, cwd=copy, text=True).splitlines())


def lines_of_the_resource() -> int:
    return sum(
        len(content.splitlines()) for kind, _, content in blocks_of(PAGE) if kind == "python"
    )
