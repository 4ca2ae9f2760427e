"""Registering, signing in and out, as clients do it."""

from typing import Any

import httpx

from tests.factory import PASSWORD

EMAIL = "ada@example.com"
WRONG = "The email address or the password is wrong."
USED_UP = "The refresh token is invalid or no longer valid."


async def register(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    body = {"email": EMAIL, "password": PASSWORD, **changes}
    return await client.post("/api/auth/register", json=body)


async def sign_in(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, **changes}
    return await client.post("/api/auth/token", data=form)


async def refresh(client: httpx.AsyncClient, pair: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    return await client.post("/api/auth/token", data=form)


async def sign_out(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/auth/logout", data={"token": token})


async def status_with(client: httpx.AsyncClient, pair: dict[str, Any]) -> int:
    """What a request with the access token is answered."""
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    return (await client.get("/api/gizmos", headers=headers)).status_code


def assert_refused(response: httpx.Response, error: str, detail: str, **members: Any) -> None:
    """Check the body of RFC 6749 §5.2 and the members of a problem."""
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/json"
    slug = error.replace("_", "-")
    assert response.json() == {
        "type": f"/errors/{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": 400,
        "detail": detail,
        "error": error,
        "error_description": detail,
        "errors": [],
        "request_id": response.headers["X-Request-ID"],
        **members,
    }
