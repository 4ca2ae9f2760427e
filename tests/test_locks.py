"""The lock files in requirements/ are complete: what they name needs nothing else.

`pip check` in the Makefile says so too, but without extras: `coverage[toml]`, required by
pytest-cov, is for it no more than `coverage`.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ENVIRONMENTS = {name: ROOT / "build" / name for name in ("bench", "audit", "clients")}
"""Where a lock is installed, if it isn't in this process's own environment."""
GROUPS = {
    "runtime": "",
    "development": "dev",
    "bench": "bench",
    "circus": "circus",
    "audit": "audit",
    "clients": "clients",
}
"""The dependency group of pyproject.toml that each lock is made from."""
PYTHONS = ("3.11.0", "3.13.0", "3.14.0")
"""The oldest Python that CI runs, the newest, and the one after it."""


def environment(python: str) -> dict[str, str]:
    """The values of a requirement's markers on this platform under `python`."""
    short = python.rpartition(".")[0]
    return {**default_environment(), "python_version": short, "python_full_version": python}  # type: ignore[dict-item]  # a TypedDict of strings


def pinned(lock: Path, markers: dict[str, str]) -> dict[str, str]:
    """The version of each distribution that `lock` installs where `markers` hold."""
    lines = re.findall(r"^[a-z].*==.*(?= \\$)", lock.read_text(), re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements
        if each.marker is None or each.marker.evaluate(markers)
    }


@cache
def installed(lock: Path) -> dict[str, Distribution]:
    """What is installed where `lock` is, by name."""
    folder = ENVIRONMENTS.get(lock.stem)
    paths = sys.path if folder is None else [str(p) for p in folder.glob("lib/*/site-packages")]
    return {canonicalize_name(each.name): each for each in distributions(path=paths)}


def declared(lock: Path) -> list[str]:
    """What pyproject.toml asks for in `lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    of_group: list[str] = project["dependency-groups"].get(GROUPS[lock.stem], [])
    with_service = lock.stem in {"runtime", "development", "bench"}
    return [*(project["project"]["dependencies"] if with_service else ()), *of_group]


def applying(
    requirements: Iterable[str], extras: set[str], markers: dict[str, str]
) -> Iterator[Requirement]:
    """Those of `requirements` that hold with `extras` where `markers` do."""
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**markers, "extra": e}) for e in ("", *extras)):
            yield requirement


def lacking(lock: Path, python: str) -> tuple[int, list[str]]:
    """How many requirements pyproject.toml and the distributions of `lock` have under `python`,
    and those that the lock doesn't satisfy."""
    markers = environment(python)
    versions, found = pinned(lock, markers), installed(lock)
    # What is locked for another Python alone is not installed here.
    open_requirements = [
        ("pyproject.toml", each) for each in applying(declared(lock), set(), markers)
    ]
    for name in versions.keys() & found.keys():
        needs = applying(found[name].requires or (), set(), markers)
        open_requirements += [(name, each) for each in needs]
    seen, unsatisfied = set[tuple[str, str]](), []
    while open_requirements:
        name, requirement = open_requirements.pop()
        if (name, str(requirement)) in seen:
            continue
        seen.add((name, str(requirement)))
        needed = canonicalize_name(requirement.name)
        if needed not in versions or versions[needed] not in requirement.specifier:
            unsatisfied.append(f"{name} requires {requirement}")
        elif needed in found and requirement.extras:
            needs = applying(found[needed].requires or (), set(requirement.extras), markers)
            open_requirements += [(needed, each) for each in needs]
    return len(seen), unsatisfied


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_satisfies_what_its_distributions_require(lock: Path, python: str) -> None:
    folder = ENVIRONMENTS.get(lock.stem)
    if folder is not None and not (folder / "installed").exists() and "CI" not in os.environ:
        pytest.skip(f"`make {folder.relative_to(ROOT)}/installed` installs it")
    count, unsatisfied = lacking(lock, python)
    assert count > len(pinned(lock, environment(python))) / 2
    assert unsatisfied == []


def test_a_lock_without_an_extras_requirement_is_noticed(tmp_path: Path) -> None:
    lock = (ROOT / "requirements" / "development.txt").read_text()
    shortened = tmp_path / "development.txt"
    shortened.write_text(re.sub(r"^h2==", "not-h2==", lock, flags=re.MULTILINE))
    assert 'httpx requires h2<5,>=3; extra == "http2"' in lacking(shortened, PYTHONS[0])[1]


def test_lock_files_name_no_address() -> None:
    assert len(LOCKS) == 6
    for lock in LOCKS:
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text


@pytest.mark.parametrize("lock", ["development.txt", "bench.txt"])
def test_test_requirements_have_the_versions_that_run_in_production(lock: str) -> None:
    folder = ROOT / "requirements"
    for python in PYTHONS:
        running = pinned(folder / "runtime.txt", environment(python))
        assert running
        assert running.items() <= pinned(folder / lock, environment(python)).items()
