"""docs/make-it-yours.md, followed to the letter in a copy of the repository."""

import subprocess
from pathlib import Path

from tests.guides import blocks_of, copied, follow, run
from tests.processes import ROOT

PAGE = ROOT / "docs" / "make-it-yours.md"


def test_the_page_makes_another_service(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    before = files_of(copy)
    follow(PAGE, copy)
    assert len(before - files_of(copy)) < 80
    assert lines_of_the_resource() < 80
    assert names_of_items_in(copy) - {"CHANGELOG.md"} == {"docs/make-it-yours.md"}
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    run(copy, "mypy", "--exclude", "tests/clients", ".")
    run(copy, "pytest", "--numprocesses", "auto")


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
