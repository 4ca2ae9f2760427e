"""docs/adding-a-resource.md, followed to the letter in a copy of the repository."""

from pathlib import Path

from tests.guides import blocks_of, copied, follow, run
from tests.processes import ROOT

PAGE = ROOT / "docs" / "adding-a-resource.md"
GENERIC = [
    "tests/openapi/test_document.py",
    "tests/storage/test_migrations.py",
    "tests/api/test_validators.py",
    "tests/test_docs.py",
]
"""Tests that walk the operations and the tables, whatever these are. Those of the permissions run
as the page is followed."""
OTHERS = [
    "tests/test_architecture.py",
    "tests/storage/test_declarations.py",
    "tests/api/test_errors.py",
    "tests/api/test_cors.py",
    "tests/api/test_rate_limits.py",
    "tests/api/test_bounded_work.py",
]
"""More of them, for the long form."""


def test_the_page_adds_a_resource(tmp_path: Path, long_form: bool) -> None:
    copy = copied(tmp_path)
    if not (copy / "schemas" / "orders.py").exists():  # else the page has been followed here
        follow(PAGE, copy)
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    run(copy, "mypy", "api/application.py", "tests/api/test_orders.py")
    # On SQLite alone; both databases are compared by the same tests in tests/storage.
    chosen = ["tests/api/test_orders.py", *GENERIC, *(OTHERS if long_form else [])]
    run(copy, "pytest", "-k", "not postgresql", *chosen)


def test_an_order_takes_few_lines() -> None:
    lines = [
        line
        for kind, name, content in blocks_of(PAGE)
        if kind == "python" and not name.startswith("tests/")
        for line in content.splitlines()
    ]
    assert len(lines) <= 150
