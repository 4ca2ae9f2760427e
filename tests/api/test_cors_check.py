"""`flask --app api cors check`: it says what a browser would find."""

from pathlib import Path

import httpx
import pytest
from click.testing import Result

from api import create_app
from api.config.origins import origins
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from storage import Database
from tests.api.origins import ALLOWED, CORS_ORIGINS, REFUSED, ask, cors_headers
from tests.api.test_cli import flask
from tests.factory import settings_for

ALL = CORS_ORIGINS.replace(" ", ", ")
APP = "https://app.example.com"
WRITTEN = {
    "as the user of another": "https://evil.net",
    "the port that browsers leave out": APP,
    "upper case": APP,
    "some upper case": APP,
    "a slash at the end": APP,
    "one label, upper case": "https://a.example.org",
    "a user for a label": "https://evil.net",
    "no ASCII": "https://xn--4ca.example.org",
    "a newline at the end": APP,
    "one label, with a newline": "https://a.example.org",
    "any port, as the user of another": "http://evil.net",
}
NO_ORIGIN = {
    "no scheme",
    "a blank at the end",
    "two at once",
    "one label, with a longer port",
    "nothing",
    "an empty label",
    "the asterisk itself",
    "any port, and more",
}
NOT_ACCEPTED, NOT_SET = "no operation accepts the header", ", and CORS_HEADERS doesn't have it"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, CORS_ORIGINS=CORS_ORIGINS)


def check(app: AsyncFlask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["cors", "check", *arguments])


@pytest.mark.parametrize("origin", ALLOWED)
async def test_an_allowed_origin_passes(
    app: AsyncFlask, client: httpx.AsyncClient, origin: str
) -> None:
    result = check(app, origin)
    assert (result.exit_code, result.output) == (0, f"{origin} may send GET.\n")
    assert cors_headers(await ask(client, "GET", "/api/gizmos", origin))


@pytest.mark.parametrize("why", REFUSED)
async def test_explains_why_another_origin_may_not_call(
    app: AsyncFlask, client: httpx.AsyncClient, why: str
) -> None:
    origin = REFUSED[why]
    if why == "null":
        reason = "null is the origin of any file and any sandboxed frame"
    elif why == "everybody":
        reason = "* is every site"
    elif why in NO_ORIGIN:
        reason = "an origin is a scheme, a host and perhaps a port, as in https://app.example.com"
    elif why in WRITTEN:
        reason = f"a browser writes {WRITTEN[why]}"
    else:
        reason = f"CORS_ORIGINS has {ALL}"
    result = check(app, origin)
    assert result.exit_code == 1
    assert result.output == f"Error: {origin} may not send GET: {reason}.\n"
    assert cors_headers(await ask(client, "GET", "/api/gizmos", origin)) == {}


@pytest.mark.parametrize(
    ("arguments", "request_said"),
    [
        (["--method", "DELETE"], "DELETE"),
        (["--method", "delete"], "delete"),
        (["--method", "PATCH", "--header", "If-Match"], "PATCH with If-Match"),
        (["--header", "accept", "--header", "X-REQUEST-ID"], "GET with accept and X-REQUEST-ID"),
    ],
)
def test_a_request_that_an_operation_takes_passes(
    app: AsyncFlask, arguments: list[str], request_said: str
) -> None:
    result = check(app, APP, *arguments)
    assert (result.exit_code, result.output) == (0, f"{APP} may send {request_said}.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--method", "BREW"], "BREW: no operation accepts the method BREW"),
        (["--method", "patch"], "patch: methods are case-sensitive: write PATCH"),
        (["--method", ""], ": no operation accepts the method "),
        (
            ["--header", "If-Match", "--header", "X-Secret"],
            f"GET with If-Match and X-Secret: {NOT_ACCEPTED} X-Secret{NOT_SET}",
        ),
        (["--header", "Cookie"], f"GET with Cookie: {NOT_ACCEPTED} Cookie{NOT_SET}"),
    ],
)
def test_explains_why_a_request_is_not_accepted(
    app: AsyncFlask, arguments: list[str], told: str
) -> None:
    result = check(app, APP, *arguments)
    assert result.exit_code == 1
    assert result.output == f"Error: {APP} may not send {told}.\n"


async def test_no_origin_may_call_if_none_is_allowed(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, CORS_ORIGINS=""))
    assert (
        check(app, APP).output == f"Error: {APP} may not send GET: CORS_ORIGINS has no origins.\n"
    )
    await app.services[Database].close()


def test_it_needs_no_database_and_logs_nothing(tmp_path: Path) -> None:
    gone = "postgresql://nobody@127.0.0.1:1/nowhere"
    origin = "http://localhost:5174"
    let_in = flask(tmp_path, "cors", "check", origin, "--method", "PUT", DATABASE_URL=gone)
    assert (let_in.returncode, let_in.stdout, let_in.stderr) == (0, f"{origin} may send PUT.\n", "")
    kept_out = flask(tmp_path, "cors", "check", "https://evil.net", DATABASE_URL=gone)
    assert (kept_out.returncode, kept_out.stdout) == (1, "")
    assert kept_out.stderr.startswith("Error: https://evil.net may not send GET: CORS_ORIGINS has")


@pytest.mark.parametrize(
    "address",
    [
        "HTTPS://\xc4.example.com:443/path?q#f",
        "http://MY_APP.test",
        "http://app.example.com.:8080/",
        "http://[0:0:0:0:0:0:0:1]:4000",
        "Tauri://localhost",
        "safari-web-extension://A1B2C3D4-0000-4000-8000-00000000ABCD/popup.html",
    ],
)
def test_the_origin_that_it_advises_is_accepted_by_the_setting(
    app: AsyncFlask, address: str
) -> None:
    result = check(app, address)
    advised = result.output.partition("a browser writes ")[2].removesuffix(".\n")
    assert origins.parse(advised) == (advised,)
    assert "CORS_ORIGINS has" in check(app, advised).output


@pytest.mark.parametrize(
    "address",
    ["file:///app.html", "ws://app.test", "https://", "http://localhost:0", "https://a..test", "*"],
)
def test_it_advises_no_origin_that_the_setting_refuses(app: AsyncFlask, address: str) -> None:
    output = check(app, address).output
    assert "a browser writes" not in output
    assert "CORS_ORIGINS has" not in output
    with pytest.raises(ValueError, match=r"^$"):
        origins.parse(address)


def test_the_command_needs_an_origin(app: AsyncFlask) -> None:
    result = check(app)
    assert result.exit_code == 2
    assert "Missing argument 'ORIGIN'" in result.output
