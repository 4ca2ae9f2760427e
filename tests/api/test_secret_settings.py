"""No part of a password in a setting is shown, with any characters."""

import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from api import create_app
from api.config.declaration import SettingsError
from api.config.environment import load_settings
from api.config.settings import Settings
from tests.conftest import bridged
from tests.factory import SECRET_KEY, settings_for
from tests.processes import run

# Parts that are found again, with what ends them early in one parser or another between them.
PARTS = ("zebra", "qwx77", "4711", "5432")
SPECIAL = "#?@/%:[]\\&=+;,$!'\"~ \t{}|^`<>℀é"
passwords = st.lists(
    st.sampled_from([*PARTS, *SPECIAL, "%41", "%zz", "://", "?a=", "@x/", ":1"]),
    min_size=1,
    max_size=6,
).map("".join)
URLS = {
    "DATABASE_URL": "postgresql://user:{}@127.0.0.1:1/api",
    "REDIS_URL": "redis://user:{}@127.0.0.1:1/0",
    "JWT_JWKS_URL": "https://user:{}@127.0.0.1:1/keys",
}


def words_in(text: str) -> list[str]:
    """Those of PARTS that stand in a log for no other reason."""
    return [part for part in PARTS if not part.isdigit() and part in text]


def shown_parts(text: str, password: str) -> list[str]:
    return [part for part in PARTS if part in password and part in text]


def loaded(key: str, url: str) -> Settings:
    environ = {key: url, "SECRET_KEY": SECRET_KEY}
    if key == "JWT_JWKS_URL":
        environ |= {"JWT_ISSUER": "a", "JWT_AUDIENCE": "b"}
    return load_settings(environ)


@pytest.mark.parametrize("key", URLS)
@given(password=passwords)
@example(password="zebra#qwx77")
@example(password="4711#qwx77")
@example(password="4711/zebra")
@example(password="4711?zebra=5432")
@example(password="4711/zebra?qwx77=5432")
@example(password="zebra@qwx77")
@example(password="zebra%qwx77")
@hypothesis_settings(max_examples=300, deadline=None)
def test_a_password_is_read_rightly_or_refused_without_a_part_of_it(
    key: str, password: str
) -> None:
    try:
        settings = loaded(key, URLS[key].format(password))
    except SettingsError as error:
        refused = error
    else:
        assert key != "JWT_JWKS_URL"  # which takes no password at all
        assert_read_rightly(key, settings, password)
        return
    assert str(refused).startswith(f"{key}=(not shown) is not allowed: ")
    assert key == "JWT_JWKS_URL" or "percent-encoded" in str(refused)
    assert shown_parts("".join(traceback.format_exception(refused)), password) == []


def assert_read_rightly(key: str, settings: Settings, password: str) -> None:
    url: str = getattr(settings, key.lower())
    # Everything after the password is where it was.
    assert url.partition("@")[2] == URLS[key].partition("@")[2]
    assert shown_parts(repr(settings), password) == []
    if key == "REDIS_URL":
        assert parse_url(url)["password"] == unquote(password)


@given(password=passwords)
@hypothesis_settings(max_examples=100, deadline=None)
def test_an_encoded_password_is_always_taken(password: str) -> None:
    for key in ("DATABASE_URL", "REDIS_URL"):
        url = URLS[key].format(quote(password, safe=""))
        assert getattr(loaded(key, url), key.lower()) == url
    redis = URLS["REDIS_URL"].format(quote(password, safe=""))
    assert parse_url(redis)["password"] == password


HARD = quote("zebra#4711/qwx77?a=5432@x", safe="")
UNREACHABLE = {key: URLS[key].format(HARD) for key in ("DATABASE_URL", "REDIS_URL")}


async def test_a_service_without_its_database_and_redis_shows_nothing(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    app = create_app(settings_for(tmp_path, **UNREACHABLE))
    transport = httpx.ASGITransport(bridged(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answers = [await client.get(path) for path in ("/api/ready", "/api/gizmos", "/metrics")]
        sign_in = {"grant_type": "password", "username": "a@example.com", "password": "x" * 12}
        answers.append(await client.post("/api/auth/token", data=sign_in))
    await app.close()
    assert [answer.status_code for answer in answers] == [503, 503, 200, 503]
    log = logged()
    assert "can't connect to PostgreSQL" in log
    assert "redis_is_away" in log
    shown = log + repr(app.services[Settings]) + "".join(f"{a.headers}{a.text}" for a in answers)
    assert words_in(shown) == []


@pytest.mark.parametrize(
    "command", [["asgi"], ["flask", "--app", "api", "db", "check"]], ids=["asgi", "flask"]
)
@pytest.mark.parametrize("password", [HARD, "zebra#qwx77", "4711/zebra?qwx77", "zebra"])
def test_a_start_that_fails_shows_nothing(
    tmp_path: Path, command: list[str], password: str
) -> None:
    url = URLS["DATABASE_URL"].format(password)
    ended = run(tmp_path, *command, DATABASE_URL=url, PORT="0")
    assert ended.returncode != 0
    shown = ended.stdout + ended.stderr
    assert "PostgreSQL" in shown or "DATABASE_URL=(not shown)" in shown
    assert words_in(shown) == []
