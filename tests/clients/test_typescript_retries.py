"""The TypeScript client: retries, and all pages of a list (retries.ts)."""

from pathlib import Path

import pytest

from api.config.settings import Settings
from tests.clients.conftest import TypeScriptApp
from tests.factory import PASSWORD, settings_for


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, RATE_LIMIT="1/second")


def test_a_request_refused_by_a_rate_limit_is_retried_and_succeeds_once(
    app_of_tests: TypeScriptApp, live: str
) -> None:
    printed = app_of_tests.node("retries.js", ITEMS_API=live, PASSWORD=PASSWORD).splitlines()
    assert printed[:4] == ["201", "201", "[ 'Brush' ]", "[ 'Paint' ]"]
    assert "cursor" in printed[4]
