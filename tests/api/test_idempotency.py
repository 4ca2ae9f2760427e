"""A create that is sent again creates nothing again."""

import asyncio
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, func, select, update
from sqlalchemy.util import await_only, greenlet_spawn

from api import create_app
from api.http.idempotency_keys import IDEMPOTENCY_KEY
from api.runtime.async_flask import AsyncFlask
from api.runtime.expiry import Expiry
from storage import Database, idempotency
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.idempotency import StoredResponse
from tests.accounts import account
from tests.conftest import bridged
from tests.factory import PASSWORD, SECRET_KEY, settings_for
from tests.gizmos import gizmos
from tests.postgresql import Server

EARLIER_KEY = "an-earlier-key-for-tests-of-32-bytes-or-more"


async def post(client: httpx.AsyncClient, key: str, body: Any = None) -> httpx.Response:
    body = {"name": "First item"} if body is None else body
    return await client.post("/api/gizmos", json=body, headers={"Idempotency-Key": key})


async def count(app: AsyncFlask) -> int:
    def count_items(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(gizmos)).scalar_one()

    return await app.services[Database].read(count_items)


async def age(app: AsyncFlask, by: timedelta) -> None:
    def make_older(connection: Connection) -> None:
        connection.execute(update(idempotency.keys).values(created_at=datetime.now(UTC) - by))

    await app.services[Database].write(make_older)


async def test_a_repeated_key_gets_the_first_response_again(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    first = await post(client, "a-key")
    path = first.headers["Location"]
    await client.patch(path, json={"status": "done"})
    again = await post(client, "a-key")
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert await count(app) == 1


async def test_another_key_creates_another_item(app: AsyncFlask, client: httpx.AsyncClient) -> None:
    for key in ("one", "two", "x" * 255, "!~"):
        assert (await post(client, key)).status_code == 201
    assert await count(app) == 4


async def test_requests_without_a_key_are_not_stored(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert (await client.post("/api/gizmos", json={"name": "a"})).status_code == 201
    assert await count(app) == 2


async def test_refuses_a_key_with_another_request(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    await post(client, "a-key")
    other = await post(client, "a-key", {"name": "Second item"})
    assert other.status_code == 422
    assert other.json()["type"] == "/errors/idempotency-key-reused"
    assert await count(app) == 1


async def test_the_same_values_written_otherwise_are_the_same_request(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "a-key", "Content-Type": "application/json"}
    bodies = [
        b'{"name":"First item","quantity":2,"tags":["a","b"]}',
        b'{ "tags": ["a", "b"],\n "quantity": 2.0, "name": "First \\u0069tem" }',
    ]
    answers = [await client.post("/api/gizmos", content=b, headers=headers) for b in bodies]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    other = b'{"name":"First item","quantity":2,"tags":["b","a"]}'
    assert (await client.post("/api/gizmos", content=other, headers=headers)).status_code == 422
    patch = {**headers, "Content-Type": "application/merge-patch+json", "Idempotency-Key": "b"}
    path, change = answers[0].headers["Location"], b'{"quantity": 3}'
    changed = await client.patch(path, content=change, headers=patch)
    again = await client.patch(path, json={"quantity": 3}, headers={"Idempotency-Key": "b"})
    assert (changed.content, changed.headers["ETag"]) == (again.content, again.headers["ETag"])
    assert await count(app) == 1


async def test_a_change_sent_again_after_another_one_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    path = (await post(client, "create")).headers["Location"]
    headers = {"Idempotency-Key": "change", "If-Match": '"1"'}
    first = await client.patch(path, json={"quantity": 3}, headers=headers)
    await client.patch(path, json={"quantity": 4})
    again = await client.patch(path, json={"quantity": 3}, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert (await client.get(path)).json()["quantity"] == 4


async def test_a_registration_can_be_sent_again(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    ada = {"email": "ada@example.com", "password": PASSWORD}
    headers = {"Idempotency-Key": "register"}
    answers = [await client.post("/api/auth/register", json=ada, headers=headers) for _ in "12"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert "user_registered" in caplog.text
    assert caplog.text.count("user_registered") == 1
    other = {**ada, "password": f"{PASSWORD}, another"}
    reused = await client.post("/api/auth/register", json=other, headers=headers)
    assert reused.status_code == 422
    assert (await client.post("/api/auth/register", json=ada)).status_code == 409
    [stored] = await app.services[Database].read(fingerprints)
    plain = json.dumps(["POST", "/api/auth/register", [], ada], sort_keys=True).encode()
    assert stored == hmac.digest(SECRET_KEY.encode(), plain, "sha256"), "keyed, for its password"


@pytest.mark.parametrize(
    ("fallbacks", "status"), [(EARLIER_KEY, 201), ("", 422)], ids=["kept", "removed"]
)
async def test_a_request_can_be_sent_again_across_a_change_of_secret_key(
    tmp_path: Path, fallbacks: str, status: int
) -> None:
    answers = []
    for keys in ((EARLIER_KEY, ""), (SECRET_KEY, fallbacks)):
        environ = dict(zip(("SECRET_KEY", "SECRET_KEY_FALLBACKS"), keys, strict=True))
        app = create_app(settings_for(tmp_path, **environ))
        transport = httpx.ASGITransport(bridged(app))
        async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            answers.append(await post(client, "a-key"))
            assert await count(app) == 1
    assert [answer.status_code for answer in answers] == [201, status]
    assert (answers[0].content == answers[1].content) == (status == 201)


@pytest.mark.no_database
def test_every_write_takes_a_key_or_refuses_it(app: AsyncFlask) -> None:
    taking = set()
    for endpoint, view in app.view_functions.items():
        operation = getattr(view, "operation", None)
        if operation is not None and IDEMPOTENCY_KEY in operation.request_headers:
            taking.add(endpoint.partition(".")[2])
    assert taking >= {
        "create_gizmo",
        "replace_gizmo",
        "update_gizmo",
        "delete_gizmo",
        "register_user",
    }


async def test_other_writes_refuse_a_key_and_reads_ignore_it(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    headers = {**(await account(app)).headers, "Idempotency-Key": "a-key"}
    for method, path in [
        ("POST", "/api/auth/token"),
        ("POST", "/api/auth/logout"),
        ("PATCH", "/api/users/me"),
        ("DELETE", "/api/users/me"),
        ("DELETE", "/api/users/me/sessions"),
    ]:
        response = await client.request(method, path, headers=headers)
        assert response.status_code == 400, path
        [error] = response.json()["errors"]
        assert error == {
            "detail": "This operation does not take it. Send the request without it.",
            "header": "Idempotency-Key",
        }
    assert (await client.get("/api/users/me", headers=headers)).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "Schlüssel", "a\tb"])
async def test_refuses_an_unusable_key(
    app: AsyncFlask, client: httpx.AsyncClient, key: str
) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    response = await client.post("/api/gizmos", json={"name": "a"}, headers=headers)
    assert response.status_code == 400
    assert [error["header"] for error in response.json()["errors"]] == ["Idempotency-Key"]
    assert await count(app) == 0


async def test_a_refused_request_leaves_its_key_free(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    assert (await post(client, "a-key", {"name": ""})).status_code == 400
    assert (await post(client, "a-key")).status_code == 201
    assert await count(app) == 1


async def test_a_failed_write_leaves_its_key_free(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    def fail(connection: Connection, viewer: Viewer) -> None:
        raise RuntimeError("in the middle of it")

    with pytest.raises(RuntimeError, match="in the middle of it"):
        await app.services[Database].write(
            idempotency.run_once, ANONYMOUS, "a-key", [b"0" * 32], fail, lambda _: ANSWER
        )
    assert (await post(client, "a-key")).status_code == 201


async def test_64_requests_at_once_with_one_key_create_one_item(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(post(client, "a-key") for _ in range(64)))
    kept = [answer for answer in answers if answer.status_code == 201]
    # A request that waits too long gets a Retry-After, and has written nothing.
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert len({answer.content for answer in kept}) == 1
    assert await count(app) == 1
    assert (await post(client, "a-key")).content == kept[0].content


async def test_waiting_too_long_for_a_request_with_the_same_key_is_409_with_retry_after(
    tmp_path: Path, postgresql: Server
) -> None:
    inside, finish = asyncio.Event(), asyncio.Event()

    async def hold_the_key(database: Database) -> None:
        """In a transaction that stays open, as no unit of work would leave it."""
        engine = database._connections._engine  # type: ignore[attr-defined]

        def hold() -> None:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="READ COMMITTED")
                request = ANONYMOUS, "a-key", [b"0" * 32]
                idempotency.run_once(connection, *request, lambda *_: None, lambda _: ANSWER)
                inside.set()
                await_only(finish.wait())
                connection.commit()

        await greenlet_spawn(hold)

    # On SQLite writes wait in line: none can meet a running one.
    with postgresql.database() as url:
        app = create_app(settings_for(tmp_path, DATABASE_URL=url))
        transport = httpx.ASGITransport(bridged(app))
        async with (
            app.services[Database],
            httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        ):
            holding = asyncio.ensure_future(hold_the_key(app.services[Database]))
            await inside.wait()
            response = await post(client, "a-key")
            assert response.status_code == 409
            assert response.headers["Retry-After"] == "1"
            assert response.json()["type"] == "/errors/idempotency-key-in-use"
            finish.set()
            await holding
            assert (await post(client, "a-key")).status_code == 422


async def test_a_key_expires_after_a_day(app: AsyncFlask, client: httpx.AsyncClient) -> None:
    first = await post(client, "a-key")
    await age(app, timedelta(hours=23, minutes=59))
    assert (await post(client, "a-key")).content == first.content
    await app.services[Expiry].delete()
    assert await app.services[Database].read(keys_kept) == ["a-key"]
    await age(app, timedelta(hours=24, minutes=1))
    assert (await post(client, "another")).status_code == 201
    await app.services[Expiry].delete()
    assert await app.services[Database].read(keys_kept) == ["another"]
    assert (await post(client, "a-key")).content != first.content


async def test_an_expired_key_is_as_good_as_new(app: AsyncFlask, client: httpx.AsyncClient) -> None:
    first = await post(client, "a-key")
    await age(app, timedelta(hours=24, minutes=1))
    again = await post(client, "a-key", {"name": "Second item"})
    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]
    assert (await post(client, "a-key", {"name": "Second item"})).content == again.content


def fingerprints(connection: Connection) -> list[bytes]:
    return list(connection.execute(select(idempotency.keys.c.fingerprint)).scalars())


def keys_kept(connection: Connection) -> list[str]:
    return list(connection.execute(select(idempotency.keys.c.key)).scalars())


ANSWER = StoredResponse(200, {}, b"")
