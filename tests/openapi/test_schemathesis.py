"""Schemathesis, with all of its checks and phases, against the running server."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from storage import open_database
from storage.accounts.tables import ADMIN
from tests.accounts import account
from tests.factory import settings_for
from tests.processes import unmeasured

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = CONFIG.parents[2]


@pytest.fixture
def settings(tmp_path: Path, database_url: str, without_gizmos: None) -> Settings:
    unlimited = {"ACCESS_TOKEN_SECONDS": "86400", "LOGIN_RATE_LIMIT": "off"}
    return settings_for(tmp_path, DATABASE_URL=database_url, **unlimited)


def an_admin(app: AsyncFlask) -> str:
    """The Authorization of a new one."""

    async def create() -> str:
        # The application's own connections belong to the loop that it is served on.
        async with open_database(
            app.services[Settings].database_url, auto_migrate=True
        ) as database:
            return (await account(app, ADMIN, database=database)).headers["Authorization"]

    return asyncio.run(create())


def run_schemathesis(
    address: str, authorization: str, folder: Path, *, examples: int
) -> tuple[str, dict[str, Any]]:
    """Run it with up to `examples` requests per operation in the phases that make them up.

    Returns what it printed, and its report. `folder`: for what it writes.
    """
    report = folder / "report.json"
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIG),
        "run",
        "--checks=all",
        f"--max-examples={examples}",
    ]
    run = subprocess.run(
        [*command, f"{address}/openapi.json", "--no-color", f"--report-json-path={report}"],
        cwd=folder,
        env={
            **unmeasured(),
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "127.0.0.1",
            "AUTHORIZATION": authorization,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    printed = run.stdout + run.stderr
    assert report.exists(), printed
    return printed, json.loads(report.read_text())


@pytest.mark.parametrize(
    "database_url", [pytest.param("sqlite", marks=pytest.mark.long), "postgresql"], indirect=True
)
def test_schemathesis_finds_nothing(
    app: AsyncFlask, live: str, tmp_path: Path, long_form: bool
) -> None:
    """The short form is on PostgreSQL, which refuses more values, and takes each operation through
    each phase: most requests are of the phase "coverage", one per boundary of each schema. What
    test_fuzz.py sends goes to SQLite."""
    operations = sum(map(len, httpx.get(f"{live}/openapi.json").json()["paths"].values()))
    printed, report = run_schemathesis(
        live, an_admin(app), tmp_path, examples=20 if long_form else 3
    )
    assert report["failures"] == [], printed
    assert report["errors"] == [], printed
    assert report["exit_code"] == 0, printed
    assert report["complete"], printed
    assert {phase: about["status"] for phase, about in report["phases"].items()} == {
        "examples": "success",
        "coverage": "success",
        "fuzzing": "success",
        "stateful": "success",
    }, printed
    assert report["operations"]["tested"] == operations, printed
    assert report["test_cases"]["generated"] > (1500 if long_form else 1000), printed
