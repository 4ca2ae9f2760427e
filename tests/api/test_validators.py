"""ETags of every operation: one caller's ETag never matches another caller's representation."""

from itertools import permutations
from pathlib import Path

import httpx
import pytest

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from tests.api.callers import OPERATIONS, Callers, declared, described
from tests.factory import settings_for

READS = [name for name, (method, _) in OPERATIONS.items() if method == "get"]
CONDITIONAL = [name for name in READS if "304" in described(name)["responses"]]
GUARDED = [
    name
    for name in OPERATIONS
    if any(p["name"] == "If-Match" for p in described(name)["parameters"])
]
SIGNED_IN = ["owner", "other", "admin"]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url, AUTH_REQUIRED="true")


@pytest.fixture
async def callers(app: AsyncFlask, client: httpx.AsyncClient) -> Callers:
    return await Callers.of(app, client)


@pytest.mark.parametrize("operation_id", READS)
async def test_one_caller_s_etag_is_never_another_s(callers: Callers, operation_id: str) -> None:
    path = await callers.path(operation_id)
    plain = {who: await callers.send(who, "GET", path) for who in ("nobody", *SIGNED_IN)}
    etags = {who: r.headers["ETag"] for who, r in plain.items() if "ETag" in r.headers}
    assert bool(etags) == (operation_id in CONDITIONAL)
    for who, etag in etags.items():
        assert plain[who].status_code == 200
        known = {"If-None-Match": etag}
        assert (await callers.send(who, "GET", path, known)).status_code == 304
    for one, other in permutations(plain, 2):
        if one in etags and plain[one].content != plain[other].content:
            assert etags[one] != etags.get(other)
            for method in ("GET", "HEAD"):
                response = await callers.send(other, method, path, {"If-None-Match": etags[one]})
                assert response.status_code == plain[other].status_code


async def test_lists_that_look_alike_have_etags_of_their_own(callers: Callers) -> None:
    lists = [await callers.send(who, "GET", "/api/gizmos") for who in SIGNED_IN]
    assert len({response.content for response in lists}) == 1
    assert len({response.headers["ETag"] for response in lists}) == len(lists)


@pytest.mark.parametrize("operation_id", GUARDED)
async def test_if_match_takes_the_etag_of_the_row_alone(
    callers: Callers, operation_id: str
) -> None:
    """All rows here have version 1. Where the address is the same, their ETags are not."""
    access, method = declared(callers.app, operation_id).access, OPERATIONS[operation_id][0]
    who = "admin" if access is Access.ADMINS else "owner"
    path = await callers.path(operation_id)
    etag = (await callers.send(who, "GET", path)).headers["ETag"]
    refused = [etag[:-1] + '0"']
    if access is Access.USERS:
        refused.append((await callers.send("other", "GET", path)).headers["ETag"])
    for if_match, statuses in [(", ".join(refused), {412}), (etag, {200, 204})]:
        body = await callers.body(who, operation_id)
        response = await callers.send(who, method, path, {"If-Match": if_match}, **body)
        assert response.status_code in statuses, response.text


@pytest.mark.parametrize("operation_id", OPERATIONS)
async def test_no_cache_stores_the_responses_of_an_account(
    callers: Callers, operation_id: str
) -> None:
    """A shared cache doesn't mix up callers either."""
    operation, method = declared(callers.app, operation_id), OPERATIONS[operation_id][0]
    who = "admin" if operation.access is Access.ADMINS else "owner"
    path = await callers.path(operation_id)
    response = await callers.send(who, method, path, **await callers.body(who, operation_id))
    if not response.content:
        return
    personal = response.is_success and operation.returns is not None and operation.returns.personal
    shared = operation.access in {Access.PUBLIC, Access.OWNERS} and not personal
    assert response.headers["Cache-Control"] == ("no-cache" if shared else "no-store")
    varies = "Authorization" in response.headers["Vary"]
    assert varies == (operation.access is not Access.PUBLIC)
