"""Requests for bookings."""

from typing import Any
from uuid import UUID

import httpx

PATH = "/api/bookings"
BODY = {"guest": "Ada", "code": str(UUID(int=1)), "arrives_at": "2026-11-20T16:00:00+01:00"}


async def create(client: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={**BODY, **values})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"{PATH}/{created['id']}"
    assert response.headers["ETag"] == '"1"'
    return created
