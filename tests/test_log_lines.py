"""What is logged during the tests is looked at; and these checks must be able to fail."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import structlog

from api import create_app
from api.config.settings import Settings
from api.identity.passwords import Passwords
from api.identity.refresh_tokens import RefreshToken
from api.identity.tokens import AccessTokens
from api.runtime.async_flask import AsyncFlask
from storage.accounts.admission import Session
from tests.factory import PASSWORD, SECRET_KEY, settings_for
from tests.log_lines import leaks_in, unreadable_in
from tests.processes import environment, started

# Sent in one piece, because the reader doesn't wait for data after the address.
TELLS_A_SECRET = f"""
import sys
sys.stderr.write("Running on http://127.0.0.1:8000\\nsigned in with {PASSWORD}\\n")
"""


@pytest.fixture(params=["console", "json"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return settings_for(tmp_path, LOG_FORMAT=request.param)


async def test_each_kind_of_secret_is_found(app: AsyncFlask, log_faults: list[str]) -> None:
    secrets = [
        app.services[AccessTokens].issue(Session(uuid4(), uuid4())),
        str(RefreshToken.new(uuid4())),
        await app.services[Passwords].hash(PASSWORD),
        PASSWORD,
        SECRET_KEY,
    ]
    log = structlog.get_logger("anything")
    for secret in secrets:
        log.info("told", secret=f"it is {secret}")
        assert log_faults, secret
        log_faults.clear()
    log.info("told", user_id=str(uuid4()))
    assert log_faults == []


async def test_a_secret_in_a_traceback_is_found(app: AsyncFlask, log_faults: list[str]) -> None:
    try:
        raise ValueError(PASSWORD)
    except ValueError:
        structlog.get_logger("anything").exception("failed")
    assert log_faults
    log_faults.clear()


def test_a_secret_that_a_server_s_process_logs_is_found(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(TELLS_A_SECRET)
    with (
        pytest.raises(AssertionError, match="signed in with"),
        started(tmp_path, "leaky", PYTHONPATH=str(tmp_path)) as address,
    ):
        assert address == "http://127.0.0.1:8000"


def test_accepts_text_that_only_looks_like_a_secret() -> None:
    assert leaks_in(["eyJust a word.eyJ", "irt_short", "argon2id", "Bearer"]) == []


async def test_a_line_of_a_request_without_its_id_is_found(
    tmp_path: Path, log_faults: list[str]
) -> None:
    app = create_app(settings_for(tmp_path, LOG_FORMAT="json"))
    app.logger.handlers.clear()
    with app.test_request_context():
        structlog.contextvars.clear_contextvars()
        structlog.get_logger("anything").info("told")
    await app.close()
    assert log_faults
    log_faults.clear()


def test_a_line_that_no_machine_can_read_is_found() -> None:
    right = {"event": "e", "level": "info", "logger": "l", "timestamp": "t"}
    assert unreadable_in([json.dumps(right)]) == []
    assert unreadable_in([json.dumps({**right, "request_id": "1"})], of_request=True) == []
    assert unreadable_in([json.dumps(right)], of_request=True)
    wrong = ["", "Traceback:", '"event"', "[1]", json.dumps({**right, "logger": ""})]
    assert unreadable_in(wrong) == wrong


def test_all_that_a_server_logs_from_start_to_end_is_readable(tmp_path: Path) -> None:
    """Hypercorn's lines and the migrations' as well, in what a production service writes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "asgi"],
        cwd=tmp_path,
        env=environment(
            PORT="0",
            ENVIRONMENT="production",
            REGISTRATION="true",
            SECRET_KEY=SECRET_KEY,
            DATABASE_URL=f"sqlite:///{tmp_path}/api.db",
            AUTO_MIGRATE="true",
            AUTH_REQUIRED="false",
            SHUTDOWN_DELAY="0",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                with httpx.Client(base_url=found[0]) as client:
                    assert client.get("/api/health").status_code == 200
                    assert client.post("/api/auth/register", json={}).status_code == 400
                    assert client.get("/nowhere").status_code == 404
                    assert client.get("/api/users/me").status_code == 401
                    assert client.options("/api/users/me").status_code == 200
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert unreadable_in(lines) == []
    told = [json.loads(line) for line in lines]
    requests = [line for line in told if line["event"] == "request"]
    assert [line["operation"] for line in requests] == [
        "get_health", "register_user", None, "get_current_user", "options",
    ]  # fmt: skip
    assert len({line["request_id"] for line in requests}) == len(requests)
    assert {line["logger"].partition(".")[0] for line in told} >= {"request", "storage", "serving"}
