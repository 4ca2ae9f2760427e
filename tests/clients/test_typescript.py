"""The generated TypeScript client against a live Hypercorn: the *.test.ts beside this, run by
Node's test runner after the strict compiler has checked them."""

import re
from pathlib import Path

import pytest

from tests.clients.conftest import TypeScriptApp
from tests.factory import PASSWORD

HERE = Path(__file__).parent
TESTS = sorted(path.name for path in HERE.glob("*.test.ts"))


@pytest.mark.parametrize("name", TESTS)
def test_the_client_does_what_the_document_says(
    app_of_tests: TypeScriptApp, live: str, name: str
) -> None:
    program = name.replace(".ts", ".js")
    runner = ["--test-reporter=tap", "--test", program]
    printed = app_of_tests.node(*runner, ITEMS_API=live, PASSWORD=PASSWORD)
    passed, failed = (
        re.findall(rf"^# {word} (\d+)$", printed, re.MULTILINE) for word in ("pass", "fail")
    )
    assert int(passed[0]) >= 4
    assert failed == ["0"]
