"""What isn't documented fails; for the settings see tests/api/test_settings.py."""

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

import click
import pytest

from api.observability import audit
from api.problems import BY_SLUG
from api.runtime.async_flask import AsyncFlask
from openapi.document import VERSION

ROOT = Path(__file__).parent.parent
OF_NPM = [ROOT / "clients" / "generators" / "typescript"]
OF_NPM += sorted(path.parent for path in ROOT.glob("*/*/package.json"))
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("bench/*.md"),
    *ROOT.glob("examples/*/README.md"),
]


def first_cells(page: str, after: str = "") -> list[str]:
    """What stands in backquotes at the start of each row of the tables of a page, or of its part
    that begins with `after`."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"^\| `([^`]+)` \|", text[text.index(after) :], re.MULTILINE)


def commands_of(group: click.Group, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [f"make {target}" for target in targets] == [
        cell for cell in first_cells("commands.md") if cell.startswith("make ")
    ]


@pytest.mark.no_database
def test_every_management_command_is_documented(app: AsyncFlask) -> None:
    documented = {c for c in first_cells("commands.md") if c.startswith("flask ")}
    flasks_own = {"flask --app api run --debug", "flask --app api routes"}
    assert documented - flasks_own == set(commands_of(app.cli, "flask --app api"))


def test_every_problem_is_documented_as_it_is() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `/errors/")]
    assert rows == [
        f"| `{problem.uri}` | {problem.status} | {problem.description} {problem.remedy} |"
        for problem in sorted(BY_SLUG.values(), key=lambda p: (p.status, p.slug))
    ]


def test_every_audit_event_is_documented() -> None:
    documented = first_cells("accounts.md", "\n## Audit\n")
    assert documented == list(get_args(audit.Event))


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    declared = [*project["project"]["dependencies"], *chain(*groups)]
    names = {re.split(r"[>=<;]", requirement)[0].strip() for requirement in declared}
    text = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z0-9\[\], -]+) \| ", text, re.MULTILINE)
    headings = {"package", "part", "lock", "---"}
    assert {name for row in rows for name in row.split(", ")} - headings == names


@pytest.mark.parametrize("folder", OF_NPM, ids=lambda folder: folder.name)
def test_every_package_of_npm_has_its_reason(folder: Path) -> None:
    package = json.loads((folder / "package.json").read_text())
    declared = {*package["dependencies"], *package["devDependencies"]}
    assert set(first_cells("dependencies.md")) >= declared


@pytest.mark.parametrize("folder", OF_NPM, ids=lambda folder: folder.name)
def test_lock_files_of_npm_name_no_address(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text())
    installed = {name: about for name, about in lock["packages"].items() if name}
    assert installed
    assert all("integrity" in about for about in installed.values())
    assert not any("resolved" in about for about in installed.values())


def test_the_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    packages = [json.loads((folder / "package.json").read_text()) for folder in OF_NPM]
    assert not any("version" in package for package in packages)
    assert f"\n## {VERSION} " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
