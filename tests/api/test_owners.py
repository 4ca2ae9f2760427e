"""The owners of gizmos: for other users a gizmo is not found."""

from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from api import create_app
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.tables import ADMIN
from storage.collections.viewers import ANONYMOUS
from tests.accounts import signed_in
from tests.conftest import bridged
from tests.factory import settings_for
from tests.gizmos import GIZMOS, gizmo_input

Headers = dict[str, str]

NOBODY = "/api/gizmos/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
BODIES: dict[str, Any] = {
    "GET": None,
    "PUT": {"name": "Second item"},
    "PATCH": {"quantity": 7},
    "DELETE": None,
}
CONDITIONS: list[Headers] = [
    {},
    {"If-Match": '"1"'},
    {"If-Match": '"9"'},
    {"If-Match": "*"},
    {"If-None-Match": '"1"'},
    {"If-None-Match": "*"},
]
WITHOUT_A_TOKEN: Headers = {}


class People(NamedTuple):
    """The headers of each one's requests."""

    ada: Headers
    bob: Headers
    boss: Headers


@pytest.fixture(params=["open", "required"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Settings:
    """Users meet the same, whether or not the service takes those without an account too."""
    required = str(request.param == "required").lower()
    return settings_for(tmp_path, DATABASE_URL=database_url, AUTH_REQUIRED=required)


@pytest.fixture
async def people(app: AsyncFlask) -> People:
    return People(await signed_in(app), await signed_in(app), await signed_in(app, ADMIN))


@pytest.fixture
async def nobodys(app: AsyncFlask) -> str:
    """The path of a gizmo that was created while the service asked for no account."""
    values: Any = gizmo_input(name="Nobody's")
    row = await app.services[Database].write(GIZMOS.create, ANONYMOUS, values)
    return f"/api/gizmos/{row.id}"


async def create(client: httpx.AsyncClient, by: Headers, **fields: Any) -> httpx.Response:
    response = await client.post("/api/gizmos", json=gizmo_input(**fields), headers=by)
    assert response.status_code == 201, response.text
    return response


async def send(client: httpx.AsyncClient, method: str, path: str, headers: Headers) -> Any:
    return await client.request(method, path, json=BODIES[method], headers=headers)


async def names(client: httpx.AsyncClient, by: Headers, **query: Any) -> list[str]:
    response = await client.get("/api/gizmos", params=query, headers=by)
    assert response.status_code == 200, response.text
    return [gizmo["name"] for gizmo in response.json()["gizmos"]]


async def walk(client: httpx.AsyncClient, by: Headers, query: Any, *, total: int) -> list[str]:
    """Return the names on all pages, each of which has the `total`."""
    asked, seen = {**query, "limit": 2, "include_total": "true"}, []
    while True:
        page = (await client.get("/api/gizmos", params=asked, headers=by)).json()
        assert (page["total"], page["total_is_exact"]) == (total, True)
        seen += [gizmo["name"] for gizmo in page["gizmos"]]
        if page["next_cursor"] is None:
            return seen
        asked["cursor"] = page["next_cursor"]


def without_request_id(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json() | {"request_id": ""}


@pytest.mark.parametrize("method", BODIES)
async def test_to_others_a_gizmo_is_as_good_as_not_there(
    client: httpx.AsyncClient, people: People, method: str
) -> None:
    created = await create(client, people.ada)
    path = created.headers["Location"]
    for condition in CONDITIONS:
        refused = await send(client, method, path, people.bob | condition)
        assert refused.status_code == 404
        assert refused.json()["detail"] == "No gizmo has this id."
        assert "ETag" not in refused.headers
        unknown = await send(client, method, NOBODY, people.bob | condition)
        assert without_request_id(refused) == without_request_id(unknown)
    assert (await client.get(path, headers=people.ada)).json() == created.json()


@pytest.mark.parametrize("who", ["ada", "boss"])
async def test_a_gizmo_is_its_creators_and_the_admins(
    client: httpx.AsyncClient, people: People, who: str
) -> None:
    headers = getattr(people, who)
    created = await create(client, people.ada)
    path = created.headers["Location"]
    read = await client.get(path, headers=headers)
    assert (read.status_code, read.json()) == (200, created.json())
    known = await client.get(path, headers=headers | {"If-None-Match": '"1"'})
    assert known.status_code == 304
    changed = await send(client, "PATCH", path, headers | {"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["quantity"]) == (200, 7)
    replaced = await send(client, "PUT", path, headers)
    assert (replaced.status_code, replaced.json()["name"]) == (200, "Second item")
    # Whoever writes it, it stays hers.
    assert await names(client, people.ada) == ["Second item"]
    assert await names(client, people.bob) == []
    assert (await send(client, "DELETE", path, headers)).status_code == 204
    assert (await client.get(path, headers=people.ada)).status_code == 404


@pytest.mark.parametrize("method", BODIES)
async def test_only_admins_see_gizmos_without_an_owner(
    client: httpx.AsyncClient, people: People, nobodys: str, method: str
) -> None:
    assert (await send(client, method, nobodys, people.ada)).status_code == 404
    assert await names(client, people.ada) == []
    assert await names(client, people.boss) == ["Nobody's"]
    assert (await send(client, method, nobodys, people.boss)).status_code in {200, 204}


async def test_without_required_sign_in_a_request_without_a_token_sees_all_rows(
    client: httpx.AsyncClient, people: People, nobodys: str, settings: Settings
) -> None:
    path = (await create(client, people.ada, name="Ada's")).headers["Location"]
    if settings.auth_required:
        for method in BODIES:
            assert (await send(client, method, path, WITHOUT_A_TOKEN)).status_code == 401
        posted = await client.post("/api/gizmos", json=gizmo_input())
        assert posted.status_code == (await client.get("/api/gizmos")).status_code == 401
        assert await names(client, people.boss) == ["Ada's", "Nobody's"]
    else:
        assert await names(client, WITHOUT_A_TOKEN) == ["Ada's", "Nobody's"]
        created = await create(client, WITHOUT_A_TOKEN, name="Nobody's too")
        for method in BODIES:
            answers = [
                await send(client, method, of, WITHOUT_A_TOKEN)
                for of in (path, nobodys, created.headers["Location"])
            ]
            assert {answer.status_code for answer in answers} <= {200, 204}


QUERIES: list[dict[str, Any]] = [
    *({"sort": f"{sign}{by}"} for by in ("created_at", "updated_at", "name") for sign in ("", "-")),
    {"status": "todo"},
    {"status": ["todo", "doing"]},
    {"tag": "home"},
    {"tag": ["home", "urgent"]},
    {"q": "lamp"},
    {"q": "lam*"},
    {"q": "lamp kitchen", "sort": "name"},
    {"q": "lamp", "tag": "home", "status": "todo", "sort": "-updated_at"},
    {"created_after": "2026-01-01T00:00:00Z", "updated_after": "2026-01-01T00:00:00Z"},
    {"created_before": "9000-01-01T00:00:00Z", "sort": "name"},
]


async def test_lists_own_gizmos_page_by_page(client: httpx.AsyncClient, people: People) -> None:
    fields: Any = {"status": "todo", "tags": ["home", "urgent"]}
    for number in range(3):
        for name in ("ada", "bob"):
            await create(client, getattr(people, name), name=f"Lamp {number} {name}", **fields)
    for query in QUERIES:
        numbers = [2, 1, 0] if query.get("sort", "-").startswith("-") else [0, 1, 2]
        for name in ("ada", "bob"):
            found = await walk(client, getattr(people, name), query, total=3)
            assert found == [f"Lamp {number} {name}" for number in numbers], query
        assert len(await walk(client, people.boss, query, total=6)) == 6


@pytest.mark.parametrize("sort", ["-created_at", "name"])
async def test_anothers_cursor_leads_on_among_ones_own(
    client: httpx.AsyncClient, people: People, sort: str
) -> None:
    for name in ("1 bob", "2 ada", "3 bob", "4 ada"):
        await create(client, getattr(people, name[2:]), name=name)
    first = await client.get("/api/gizmos", params={"sort": sort, "limit": 1}, headers=people.ada)
    [mine] = first.json()["gizmos"]
    cursor = first.json()["next_cursor"]
    assert mine["name"] == ("4 ada" if sort == "-created_at" else "2 ada")
    on = await names(client, people.bob, sort=sort, cursor=cursor)
    assert on == (["3 bob", "1 bob"] if sort == "-created_at" else ["3 bob"])


async def test_anothers_page_is_no_page_that_one_has(
    client: httpx.AsyncClient, people: People
) -> None:
    await create(client, people.ada)
    page = await client.get("/api/gizmos", headers=people.ada)
    known = {"If-None-Match": page.headers["ETag"]}
    assert (await client.get("/api/gizmos", headers=people.ada | known)).status_code == 304
    other = await client.get("/api/gizmos", headers=people.bob | known)
    assert (other.status_code, other.json()["gizmos"]) == (200, [])


async def test_a_key_is_its_callers_own(client: httpx.AsyncClient, people: People) -> None:
    key, fields = {"Idempotency-Key": "a-key"}, {"name": "Once"}
    first = await create(client, people.ada | key, **fields)
    other = await create(client, people.bob | key, **fields)
    assert other.json()["id"] != first.json()["id"]
    for headers, kept in ((people.ada, first), (people.bob, other)):
        again = await create(client, headers | key, **fields)
        assert again.content == kept.content
        assert await names(client, headers) == ["Once"]
        assert (await client.get(kept.headers["Location"], headers=headers)).content == kept.content


async def test_a_stored_response_is_not_sent_after_signing_out(
    client: httpx.AsyncClient, people: People
) -> None:
    key = {"Idempotency-Key": "a-key"}
    await create(client, people.ada | key)
    token = people.ada["Authorization"].removeprefix("Bearer ")
    assert (await client.post("/api/auth/logout", data={"token": token})).status_code == 204
    again = await client.post("/api/gizmos", json=gizmo_input(), headers=people.ada | key)
    assert again.status_code == 401
    assert again.json()["type"] == "/errors/invalid-token"


async def test_a_create_beyond_the_quota_is_refused(tmp_path: Path, database_url: str) -> None:
    app = create_app(settings_for(tmp_path, DATABASE_URL=database_url, ROWS_PER_USER="2"))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        ada, bob = await signed_in(app), await signed_in(app)
        paths = [(await create(client, ada)).headers["Location"] for _ in range(2)]
        refused = await client.post(
            "/api/gizmos", json=gizmo_input(), headers={**ada, "Idempotency-Key": "third"}
        )
        assert refused.status_code == 409
        assert refused.json()["type"] == "/errors/quota-exceeded"
        assert refused.json()["detail"] == "This account has reached its maximum of 2 gizmos."
        await create(client, bob)
        await create(client, {})  # without an owner, because the service requires no account
        assert (await client.delete(paths[0], headers=ada)).status_code == 204
        # The same request, which nothing has kept, now succeeds.
        again = await client.post(
            "/api/gizmos", json=gizmo_input(), headers={**ada, "Idempotency-Key": "third"}
        )
        assert again.status_code == 201
        assert len(await names(client, ada)) == 2
