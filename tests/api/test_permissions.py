"""Every operation of the document with every kind of token.

What is expected follows from the access that a view declares. What is seen is the table in
docs/accounts.md, which shows a change of access to its reviewer. To write it anew:

    python -m pytest tests/api/test_permissions.py --write-docs
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from tests.api.callers import (
    DOCUMENT,
    OPERATIONS,
    Callers,
    declared,
    described,
    success_of,
)
from tests.factory import settings_for
from tests.identity_provider import AUDIENCE, ISSUER, IdentityProvider

PAGE = Path(__file__).parents[2] / "docs" / "accounts.md"
TABLE = re.compile(r"(?<=<!-- permissions -->\n\n).*?(?=\n\n<!-- end -->)", re.DOTALL)
COLUMNS = ["nobody", "invalid", "other", "owner", "admin"]
HEADINGS = ["operation", "no token", "invalid token", "another user", "the owner", "an admin"]
VALID = {"owner": "owner", "well made": "owner", "other": "other", "admin": "admin"}
"""The columns of the valid tokens; the others' is "invalid"."""
REFUSED = {"create_token": 400}
"""The operations whose valid request fails: no account has the example's address."""

Row = dict[str, int]


def expected(access: Access, operation_id: str) -> Row:
    """The status for each column. What is at a path with an id belongs to the owner."""
    success = REFUSED.get(operation_id, success_of(operation_id))
    has_id = "{" in OPERATIONS[operation_id][1]
    denied = {"nobody": 401, "invalid": 401}
    match access:
        case Access.PUBLIC:
            return dict.fromkeys(COLUMNS, success)
        case Access.OWNERS:
            found = {"other": 404 if has_id else success, "owner": success, "admin": success}
        case Access.USERS:
            others = 404 if has_id else success
            found = {"other": others, "owner": success, "admin": others}
        case Access.ADMINS:
            found = {"other": 403, "owner": 403, "admin": success}
    return denied | found


@pytest.fixture
def settings(tmp_path: Path, database_url: str, provider: IdentityProvider) -> Settings:
    return settings_for(
        tmp_path,
        DATABASE_URL=database_url,
        AUTH_REQUIRED="true",
        JWT_JWKS_URL=provider.url,
        JWT_ISSUER=ISSUER,
        JWT_AUDIENCE=AUDIENCE,
    )


@pytest.fixture
async def callers(app: AsyncFlask, client: httpx.AsyncClient) -> Callers:
    return await Callers.of(app, client)


@pytest.fixture(scope="module")
def writes_docs(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--write-docs"))


@pytest.fixture(scope="module")
def documented(request: pytest.FixtureRequest, writes_docs: bool) -> Iterator[dict[str, str]]:
    """The rows of the table; those that the tests leave are written, if that is asked and no test
    has failed."""
    table = table_of(PAGE.read_text())
    yield table
    if writes_docs and not request.session.testsfailed:
        lines = [row_of(HEADINGS), row_of(["---"] * len(HEADINGS))]
        lines += [table[name] for name in OPERATIONS if name in table]
        PAGE.write_text(TABLE.sub("\n".join(lines), PAGE.read_text()))


def table_of(page: str) -> dict[str, str]:
    match = TABLE.search(page)
    assert match is not None
    return {line.split("`")[1]: line for line in match[0].splitlines() if "`" in line}


def row_of(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


async def status(callers: Callers, operation_id: str, who: str) -> int:
    """What `who` is answered; the form of a refusal is checked too."""
    if declared(callers.app, operation_id).access is Access.USERS:
        # New ones for each: the operation may end its caller's session, or delete the account.
        callers = await Callers.of(callers.app, callers.client)
    method, path = OPERATIONS[operation_id][0], await callers.path(operation_id)
    response = await callers.send(who, method, path, **await callers.body(who, operation_id))
    if response.status_code == 401:
        wrong = "" if who == "nobody" else ', error="invalid_token"'
        challenge = f'Bearer realm="api"{wrong}'
        assert response.headers["WWW-Authenticate"] == challenge
    if response.status_code in {401, 403, 404}:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    return response.status_code


def test_the_table_has_each_operation(documented: dict[str, str], writes_docs: bool) -> None:
    assert writes_docs or list(documented) == list(OPERATIONS)


@pytest.mark.parametrize("operation_id", OPERATIONS)
async def test_every_kind_of_caller_gets_the_declared_and_documented_status(
    callers: Callers,
    documented: dict[str, str],
    operation_id: str,
    writes_docs: bool,
) -> None:
    row = expected(declared(callers.app, operation_id).access, operation_id)
    column = {"nobody": "nobody"} | {who: VALID.get(who, "invalid") for who in callers.tokens}
    seen = {who: await status(callers, operation_id, who) for who in column}
    assert seen == {who: row[name] for who, name in column.items()}
    line = row_of([f"`{operation_id}`", *(str(row[name]) for name in COLUMNS)])
    if writes_docs:
        documented[operation_id] = line
    assert documented.get(operation_id) == line


async def test_the_invalid_tokens_are_documented(callers: Callers) -> None:
    text = PAGE.read_text().partition("<!-- end -->")[2].partition(".\n\n")[0]
    documented = re.findall(r"`([^`]+)`", text.replace("\n", " "))
    assert documented == [who for who in callers.tokens if who not in VALID]


async def test_a_list_has_what_is_theirs(callers: Callers) -> None:
    mine = {await callers.create("/api/gizmos", "owner") for _ in range(3)}
    seen = {}
    for who in ("owner", "other", "admin"):
        response = await callers.send(who, "GET", "/api/gizmos")
        seen[who] = {gizmo["id"] for gizmo in response.json()["gizmos"]}
    assert seen == {"owner": mine, "other": set(), "admin": mine}


def answers_of(operation: dict[str, Any], status: str) -> list[str]:
    """The kinds of problems that the document has for a status."""
    if status not in operation["responses"]:
        return []
    name = operation["responses"][status]["$ref"].rpartition("/")[2]
    content = DOCUMENT["components"]["responses"][name]["content"]
    return list(content["application/problem+json"]["examples"])


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_documented_security_matches_the_permissions(
    app: AsyncFlask, operation_id: str
) -> None:
    operation = described(operation_id)
    row = expected(declared(app, operation_id).access, operation_id)
    refusals = {slug for status in ("401", "403") for slug in answers_of(operation, status)}
    # Other errors don't depend on the caller.
    by_caller = {"authentication-required", "invalid-token", "forbidden"}
    assert refusals & by_caller == {
        *({"authentication-required", "invalid-token"} if row["invalid"] == 401 else ()),
        *({"forbidden"} if row["other"] == 403 else ()),
    }
    schemes = [scheme for scheme in operation["security"] if scheme]
    assert schemes == ([{"oauth2": []}, {"token": []}] if row["invalid"] == 401 else [])
