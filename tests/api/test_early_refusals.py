"""What can be refused without the body is answered before it is read, though it never ends."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Response

from api import create_app
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.grants import sign_out
from tests.accounts import account, signed_in
from tests.conftest import bridged
from tests.factory import settings_for
from tests.serving.call import Answer, Call

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
USER = "/api/users/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
SIGNED_OUT = "signed out"
NOTHING: Mapping[str, str] = {}


class Refusal(NamedTuple):
    """A request that is refused for one reason, with the settings that this takes; `role`: whose
    token it has, SIGNED_OUT for one of an ended session."""

    status: int
    request: str
    settings: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING
    role: str | None = None


CLOSED = {"REGISTRATION": "false"}
ACCOUNTS = {"AUTH_REQUIRED": "true"}
REFUSALS = {
    "no such path": Refusal(404, "POST /nowhere"),
    "no such method": Refusal(405, "POST /api/health"),
    "no operation": Refusal(405, "POST /docs"),
    "no token": Refusal(401, "POST /api/gizmos", ACCOUNTS),
    "a forged token": Refusal(401, "POST /api/gizmos", headers={"Authorization": "Bearer x"}),
    "signed out, and waits to be asked": Refusal(
        401, "POST /api/gizmos", headers={"Expect": "100-continue"}, role=SIGNED_OUT
    ),
    "a user at an admin's": Refusal(403, f"PATCH {USER}", role="user"),
    "registration closed": Refusal(403, "POST /api/auth/register", CLOSED),
    "closed to any type": Refusal(
        403, "POST /api/auth/register", CLOSED, {"Content-Type": "text/plain"}
    ),
    "one too many": Refusal(429, "POST /api/auth/register", {"REGISTRATION_RATE_LIMIT": "1/day"}),
    "another type": Refusal(415, "POST /api/gizmos", headers={"Content-Type": "text/plain"}),
    "compressed": Refusal(415, "POST /api/gizmos", headers={"Content-Encoding": "gzip"}),
    "a bad query": Refusal(400, "POST /api/gizmos?limit=1"),
    "a bad key": Refusal(400, "POST /api/gizmos", headers={"Idempotency-Key": "a b"}),
    "a bad precondition": Refusal(400, f"PATCH {USER}", headers={"If-Match": "1"}, role="admin"),
    "declared too long": Refusal(413, "POST /api/gizmos", headers={"Content-Length": "65537"}),
    "too long for an account": Refusal(
        413, "POST /api/auth/register", headers={"Content-Length": "16385"}
    ),
    "too long for a token": Refusal(
        413, "POST /api/auth/token", headers={"Content-Length": "16385", "Content-Type": FORM}
    ),
}


async def answer_to_an_endless_body(app: AsyncFlask, refusal: Refusal) -> tuple[Answer, int]:
    """The answer, and how many messages had been received when it was made."""
    taken = []

    @app.after_request
    def count(response: Response) -> Response:
        taken.append(call.taken)
        return response

    method, _, target = refusal.request.partition(" ")
    path, _, query = target.partition("?")
    given = {"Content-Type": JSON, "Content-Length": "16000", **refusal.headers}
    if refusal.role == SIGNED_OUT:
        ended = await account(app)
        await app.services[Database].write(sign_out, ended.session.id)
        given |= ended.headers
    elif refusal.role:
        given |= await signed_in(app, refusal.role)
    headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    for _ in range(2 if refusal.status == 429 else 1):
        call = Call(
            bridged(app, drain_timeout=0, body_timeout=0),
            method=method,
            path=path,
            query=query.encode(),
            headers=headers,
        )
        call.client_sends(b'{"', more=True)
        answer = await call.answer()
    return answer, taken[-1]


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_an_early_refusal_does_not_read_the_body(tmp_path: Path, refusal: Refusal) -> None:
    app = create_app(settings_for(tmp_path, **refusal.settings))
    async with app:
        answer, taken = await answer_to_an_endless_body(app, refusal)
    assert (answer.status, taken) == (refusal.status, 0)
    assert json.loads(answer.body)["status"] == refusal.status
    assert answer.header("connection") == "close"


async def test_else_the_body_is_read(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path))
    async with app:
        answer, taken = await answer_to_an_endless_body(app, Refusal(408, "POST /api/gizmos"))
    assert (answer.status, taken) == (408, 1)


async def test_a_longer_body_than_the_operation_takes_is_read_no_further(tmp_path: Path) -> None:
    """Without a declared length the limit counts while it comes."""
    app = create_app(settings_for(tmp_path))
    call = Call(
        bridged(app, drain_timeout=0, body_timeout=1),
        method="POST",
        path="/api/gizmos",
        headers=[(b"content-type", JSON.encode())],
    )
    for _ in range(20):
        call.client_sends(b" " * 8192, more=True)
    async with app:
        answer = await call.answer()
    assert answer.status == 413
