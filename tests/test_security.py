"""What SECURITY.md says of OWASP's standard has a basis."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.test_architecture import SOURCES, imports

ROOT = Path(__file__).parent.parent
SECTIONS = {
    1: {1: 2, 2: 9, 3: 11, 4: 3, 5: 2},
    2: {1: 3, 2: 3, 3: 4, 4: 1},
    3: {2: 2, 3: 4, 4: 6, 5: 5, 7: 2},
    4: {1: 3, 2: 1, 3: 2, 4: 4},
    5: {1: 1, 2: 3, 3: 2, 4: 3},
    6: {1: 3, 2: 12, 3: 4, 4: 4, 5: 5, 6: 3, 8: 4},
    7: {1: 3, 2: 4, 3: 2, 4: 5, 5: 2, 6: 2},
    8: {1: 2, 2: 3, 3: 1, 4: 1},
    9: {1: 3, 2: 4},
    10: {1: 2, 2: 2, 3: 4, 4: 11, 5: 5, 6: 2, 7: 3},
    11: {1: 2, 2: 3, 3: 3, 4: 4, 5: 1, 6: 1},
    12: {1: 3, 2: 2, 3: 4},
    13: {1: 1, 2: 5, 3: 2, 4: 5},
    14: {1: 2, 2: 4, 3: 3},
    15: {1: 3, 2: 3, 3: 7},
    16: {1: 1, 2: 5, 3: 4, 4: 3, 5: 3},
    17: {1: 1, 2: 4, 3: 2},
}
"""How many requirements of levels 1 and 2 the sections of ASVS 5.0.0 have, by chapter."""
REQUIREMENTS = [
    (chapter, section, number)
    for chapter, sections in SECTIONS.items()
    for section, count in sections.items()
    for number in range(1, count + 1)
]
ROW = re.compile(r"^\| ([\d.]+)(?:-([\d.]+))? \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "SECURITY.md").read_text())


def requirements_of(first: str, last: str) -> Iterator[tuple[int, ...]]:
    ends = [tuple(map(int, one.split("."))) for one in (first, last or first)]
    return (one for one in REQUIREMENTS if ends[0] <= one <= ends[1])


def test_each_requirement_has_one_row() -> None:
    assert len(REQUIREMENTS) == 253
    counted = Counter(one for row in ROWS for one in requirements_of(row[0], row[1]))
    assert counted == Counter(REQUIREMENTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_requirement_that_is_met_names_its_evidence(row: tuple[str, ...]) -> None:
    *_, state, basis = row
    assert state in {"met", "not met", "not applicable"}
    names = re.findall(r"`((?:\w+/)*[\w@.-]+\.\w+|Dockerfile|Makefile)(?:::(\w+))?`", basis)
    assert names or state != "met"
    for file, test in names:
        assert (ROOT / file).is_file(), file
        if test:
            assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_the_service_starts_no_command_and_evaluates_no_text() -> None:
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {func.id for func in calls if isinstance(func, ast.Name)}
        methods = {func.attr for func in calls if isinstance(func, ast.Attribute)}
        imported = {name for name, _ in imports(tree)}
        found += sorted(names & {"eval", "exec", "compile", "__import__"})
        found += sorted(methods & {"system", "popen", "create_subprocess_exec"})
        found += sorted(imported & {"subprocess", "pickle", "marshal", "shelve"})
    assert found == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/gizmos"),
        ("GET", "/api/users/me"),
        ("OPTIONS", "/api/gizmos"),
        ("TRACE", "/api/gizmos"),
        ("GET", "/nowhere"),
        ("GET", "/docs"),
        ("GET", "/docs/initializer.js"),
        ("GET", "/openapi.json"),
        ("GET", "/errors"),
        ("GET", "/errors/not-found"),
        ("GET", "/"),
    ],
)
async def test_every_response_has_a_policy(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    policy = response.headers["Content-Security-Policy"].split("; ")
    wanted = {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert {f"{directive} 'none'" for directive in wanted} <= set(policy)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
