"""The check that no secret is logged, which must be able to fail."""

from pathlib import Path
from uuid import uuid4

import pytest
import structlog

from api.app import Api
from api.identity.refresh_tokens import RefreshToken
from api.settings import Settings
from storage.admission import Session
from tests.factory import PASSWORD, SECRET_KEY, settings_for
from tests.leaks import leaks_in
from tests.processes import started

# In one piece, since nobody waits for what comes after the address.
TELLS_A_SECRET = f"""
import sys
sys.stderr.write("Running on http://127.0.0.1:8000\\nsigned in with {PASSWORD}\\n")
"""


@pytest.fixture(params=["console", "json"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return settings_for(tmp_path, LOG_FORMAT=request.param)


async def test_each_kind_of_secret_is_found(app: Api, leaks: list[str]) -> None:
    secrets = [
        app.tokens.issue(Session(uuid4(), uuid4())),
        str(RefreshToken.new(uuid4())),
        await app.passwords.hash(PASSWORD),
        PASSWORD,
        SECRET_KEY,
    ]
    log = structlog.get_logger("anything")
    for secret in secrets:
        log.info("told", secret=f"it is {secret}")
        assert leaks, secret
        leaks.clear()
    log.info("told", user_id=str(uuid4()))
    assert leaks == []


async def test_a_secret_in_a_traceback_is_found(app: Api, leaks: list[str]) -> None:
    try:
        raise ValueError(PASSWORD)
    except ValueError:
        structlog.get_logger("anything").exception("failed")
    assert leaks
    leaks.clear()


def test_a_secret_that_a_server_s_process_logs_is_found(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(TELLS_A_SECRET)
    with (
        pytest.raises(AssertionError, match="signed in with"),
        started(tmp_path, "leaky", PYTHONPATH=str(tmp_path)) as address,
    ):
        assert address == "http://127.0.0.1:8000"


def test_what_only_looks_like_a_secret_is_none() -> None:
    assert leaks_in(["eyJust a word.eyJ", "irt_short", "argon2id", "Bearer"]) == []
