"""A strict public linter has nothing to say against the document (clients/redocly.yaml)."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from openapi.openapi_3_0 import as_openapi_3_0
from tests.processes import ROOT

CONFIGURATION = ROOT / "clients" / "redocly.yaml"
OFFLINE = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads((ROOT / "docs" / "openapi.json").read_text())


def complaints(sdk: Path, document: Any, folder: Path) -> list[str]:
    """The rule that each complaint about `document` comes from."""
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    linter = sdk / "node_modules" / ".bin" / "redocly"
    done = subprocess.run(
        [linter, "lint", "--config", CONFIGURATION, "--format", "json", path],
        env={**os.environ, **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["totals"]["ignored"] == 0
    assert done.returncode == (1 if report["problems"] else 0), done.stderr
    return [problem["ruleId"] for problem in report["problems"]]


def test_the_linter_has_no_complaint_about_the_document(
    typescript_sdk: Path, document: Any, tmp_path: Path
) -> None:
    assert complaints(typescript_sdk, document, tmp_path) == []


def test_the_linter_has_no_complaint_about_the_document_in_3_0(
    typescript_sdk: Path, document: Any, tmp_path: Path
) -> None:
    assert complaints(typescript_sdk, as_openapi_3_0(document), tmp_path) == []


def test_the_linter_complains_about_a_bad_document(
    typescript_sdk: Path, document: Any, tmp_path: Path
) -> None:
    user = document["components"]["schemas"]["User"]
    wrong = {**user["properties"]["version"], "examples": ["one"]}
    user = {**user, "properties": {**user["properties"], "version": wrong}}
    schemas = {**document["components"]["schemas"], "User": user}
    changed = {**document, "components": {**document["components"], "schemas": schemas}}
    assert set(complaints(typescript_sdk, changed, tmp_path)) == {"no-invalid-schema-examples"}
    del (without := {**document})["servers"]
    assert complaints(typescript_sdk, without, tmp_path) == ["no-empty-servers"]
