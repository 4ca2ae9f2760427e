"""Invalid requests for accounts and tokens."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.config.settings import Settings
from api.problems import BY_SLUG, as_oauth
from tests.factory import settings_for
from tests.sign_in import USED_UP, assert_refused, refresh, register


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"password": "x" * 11}, "/password"),
        ({"password": "x" * 129}, "/password"),
        ({"password": None}, "/password"),
        ({"password": "x" * 11 + "\0"}, "/password"),
        ({"email": "ada"}, "/email"),
        ({"role": "admin"}, "/role"),
    ],
)
async def test_rejects_invalid_registrations(
    client: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    response = await register(client, **changes)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        ("", "The body is empty.", ""),
        ("username=ada", "/grant_type: Missing data for required field.", "/grant_type"),
        ("grant_type=&username=ada", "/grant_type: Missing data", "/grant_type"),
        ("grant_type=password&username=ada", "/password: This grant needs it.", "/password"),
        ("grant_type=password&username=&password=x", "/username: This grant", "/username"),
        ("grant_type=refresh_token", "/refresh_token: This grant needs it.", "/refresh_token"),
        ("grant_type=password&grant_type=password", "the same parameter twice", ""),
        ("grant_type=password&scope=a&scope=b", "the same parameter twice", ""),
        ("grant_type=%ff", "The body is not UTF-8.", ""),
        ("&".join(f"p{n}=1" for n in range(101)), "more than 100 parameters", ""),
        ("grant_type=password&username=a%00&password=b", "/username: Must not", "/username"),
        (f"grant_type=password&username={'a' * 255}&password=b", "/username: Longer", "/username"),
        (f"grant_type=password&username=a&password={'b' * 129}", "/password: Longer", "/password"),
    ],
)
async def test_a_malformed_request_for_tokens_is_an_invalid_request(
    client: httpx.AsyncClient, body: str, detail: str, pointer: str
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post("/api/auth/token", content=body, headers=headers)
    said = response.json()
    assert detail in said["detail"]
    assert [error["pointer"] for error in said["errors"]] == [pointer]
    assert_refused(response, "invalid_request", said["detail"], errors=said["errors"])


async def test_a_query_is_an_invalid_request_too(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/auth/token?\xe9=1", data={"grant_type": "password"})
    said = response.json()
    assert said["errors"] == [{"detail": "Unknown field.", "parameter": "\xe9"}]
    assert said["detail"] == "\xe9: Unknown field."
    assert said["error"] == "invalid_request"
    assert said["error_description"] == "?: Unknown field."


@pytest.mark.parametrize("path", ["/api/auth/token", "/api/auth/logout"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"method": "POST", "json": {}}, 415),
        ({"method": "POST", "data": {"token": "x" * 20_000}}, 413),
        ({"method": "POST", "headers": {"Host": "evil.example"}}, 421),
        ({"method": "GET"}, 405),
    ],
)
async def test_every_error_has_a_code_of_oauth(
    client: httpx.AsyncClient, path: str, sent: dict[str, Any], status: int
) -> None:
    response = await client.request(url=path, **sent)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    said = response.json()
    assert (said["error"], said["error_description"]) == ("invalid_request", said["detail"])


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("database-unavailable", "temporarily_unavailable"),
        ("rate-limited", "temporarily_unavailable"),
        ("internal-error", "server_error"),
        ("request-timeout", "invalid_request"),
        ("invalid-grant", "invalid_grant"),
    ],
)
def test_the_code_of_oauth_follows_the_status(slug: str, code: str) -> None:
    assert as_oauth(BY_SLUG[slug]).code == code


async def test_other_grants_are_unsupported(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/auth/token", data={"grant_type": "client_credentials"})
    detail = "The grant_type must be password or refresh_token."
    assert_refused(response, "unsupported_grant_type", detail)


async def test_tokens_take_a_form(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/auth/token", json={"grant_type": "password"})
    assert response.status_code == 415
    assert response.headers["Content-Type"] == "application/json"
    wanted = "Send the body as application/x-www-form-urlencoded."
    assert response.json()["errors"] == [{"detail": wanted, "header": "Content-Type"}]


@pytest.mark.parametrize("text", ["x", "irt_" + "A" * 64, "irt_" + "A" * 63 + "="])
async def test_a_refresh_token_of_no_session_is_refused(
    client: httpx.AsyncClient, text: str
) -> None:
    assert_refused(await refresh(client, {"refresh_token": text}), "invalid_grant", USED_UP)


@pytest.mark.parametrize("token", ["x", "irt_" + "A" * 64, "eyJ.e30.x", "~ " * 2048])
async def test_signing_out_of_nothing_is_fine(client: httpx.AsyncClient, token: str) -> None:
    form = {"token": token, "token_type_hint": "refresh_token"}
    response = await client.post("/api/auth/logout", data=form)
    assert response.status_code == 204


@pytest.mark.parametrize("token", ["\u20ac", "a\n", "\x7f"])
async def test_no_token_is_other_than_ascii(client: httpx.AsyncClient, token: str) -> None:
    detail = "Must be visible ASCII characters and blanks."
    for path, name, more in (
        ("/api/auth/logout", "token", {}),
        ("/api/auth/token", "refresh_token", {"grant_type": "refresh_token"}),
    ):
        response = await client.post(path, data={name: token, **more})
        error = {"detail": detail, "pointer": f"/{name}"}
        assert_refused(response, "invalid_request", f"/{name}: {detail}", errors=[error])


async def test_signing_out_needs_a_token(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/auth/logout", data={"token_type_hint": "access_token"})
    error = {"detail": "Missing data for required field.", "pointer": "/token"}
    detail = "/token: Missing data for required field."
    assert_refused(response, "invalid_request", detail, errors=[error])
