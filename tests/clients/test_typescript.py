"""The generated TypeScript client against a live Hypercorn: the *.test.ts beside this, run by
Node's test runner after the strict compiler has checked them."""

import re
import shutil
from pathlib import Path

import pytest

from api import create_app
from tests.clients.conftest import TypeScriptApp
from tests.conftest import bridged
from tests.factory import PASSWORD, settings_for
from tests.live import serving

HERE = Path(__file__).parent
TESTS = sorted(path.name for path in HERE.glob("*.test.ts"))


@pytest.fixture(scope="module")
def app_of_tests(typescript_sdk: Path, tmp_path_factory: pytest.TempPathFactory) -> TypeScriptApp:
    app = TypeScriptApp(tmp_path_factory.mktemp("app"), typescript_sdk)
    for path in HERE.glob("*.ts"):
        shutil.copy(path, app.folder)
    app.compile()
    return app


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


async def test_what_a_limit_refuses_succeeds_later_and_once(
    app_of_tests: TypeScriptApp, tmp_path: Path
) -> None:
    async with create_app(settings_for(tmp_path, RATE_LIMIT="1/second")) as app:
        with serving(bridged(app)) as address:
            printed = app_of_tests.node("retries.js", ITEMS_API=address)
    assert printed.splitlines()[:4] == ["201", "201", "[ 'Brush' ]", "[ 'Paint' ]"]
    assert "cursor" in printed.splitlines()[4]
