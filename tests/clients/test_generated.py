"""The clients are there, are those of the document, and are used without a way around types."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from openapi.document import VERSION
from tests.processes import ROOT

COMMENT = {".py": r"#(?! type:).*", ".ts": r"//(?! @ts-).*|/\*[\s\S]*?\*/"}
WAY_AROUND = {
    ".py": r"\bAny\b|\bcast\(|# type:",
    ".ts": r"\bany\b|\bas\b|[\w)\]]!(?!=)|@ts-(?!expect-error)",
}
HERE = Path(__file__).parent
APPS = [
    *HERE.glob("test_python_*.py"),
    *HERE.glob("*.ts"),
    *(ROOT / "clients" / "typescript").glob("*.ts"),
]


def ways_around(suffix: str, code: str) -> list[str]:
    """What of `code` keeps the compiler from checking it."""
    return re.findall(WAY_AROUND[suffix], re.sub(COMMENT[suffix], "", code))


def test_the_python_client_is_that_of_the_document(python_sdk: Path) -> None:
    project = tomllib.loads((python_sdk / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == ("items-api-client", VERSION)


def test_the_typescript_client_is_that_of_the_document(typescript_sdk: Path) -> None:
    package = json.loads((typescript_sdk / "package.json").read_text())
    assert (package["name"], package["version"]) == ("items-api-client", VERSION)
    document = (ROOT / "docs" / "openapi.json").read_text()
    assert (typescript_sdk / "openapi.json").read_text() == document


@pytest.mark.parametrize("path", APPS, ids=lambda path: path.name)
def test_programs_that_use_a_generated_client_need_no_casts(path: Path) -> None:
    assert ways_around(path.suffix, path.read_text()) == []


@pytest.mark.parametrize(
    ("suffix", "code"),
    [
        (".py", "answer: Any = call()"),
        (".py", "item = cast(Item, call())"),
        (".py", "item = call()  # type: ignore[assignment]"),
        (".ts", "const answer: any = call();"),
        (".ts", "const item = call() as Item;"),
        (".ts", "const name = call()!.name;"),
        (".ts", "// @ts-ignore\ncall();"),
    ],
)
def test_a_way_around_types_would_be_seen(suffix: str, code: str) -> None:
    assert len(ways_around(suffix, code)) == 1
