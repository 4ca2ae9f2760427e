"""Requests for users, and what their responses contain."""

from typing import Any

import httpx

from tests.accounts import Account
from tests.factory import MARKER

ME = "/api/users/me"
NEW_PASSWORD = f"{MARKER}, and another"


def path_of(user: Account) -> str:
    return f"/api/users/{user.user.id}"


def json_of(user: Account) -> dict[str, Any]:
    created = user.user.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "id": str(user.user.id),
        "email": user.user.email,
        "role": user.user.role,
        "active": True,
        "created_at": created,
        "updated_at": created,
        "version": 1,
    }


async def patch(
    client: httpx.AsyncClient, path: str, by: Account, body: Any, **headers: str
) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.patch(path, json=body, headers=by.headers | sent)


def etag(one: Account, version: int = 1) -> str:
    return f'"{one.user.id}-{version}"'
