"""Every operation of the document with every kind of credentials: each cell is decided here."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.app import Api
from api.identity.tokens import AUDIENCE, ISSUER, _key_id, _signing_key
from api.settings import Settings
from tests.accounts import Account, account, another_session, reopen_session
from tests.factory import PASSWORD, SECRET_KEY, item_input, settings_for

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
OPERATIONS: dict[str, tuple[str, str]] = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
SIGNING_KEY = _signing_key(SECRET_KEY)
RSA_KEY = generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

Options = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The status that an operation answers to whom. `owner`: whose the item or the account in the
    path is. `invalid`: to any token that isn't valid. `options`: of a request that is itself in
    order."""

    nobody: int
    invalid: int
    other: int
    owner: int
    admin: int
    options: Callable[[], Options]

    def of(self, who: str) -> int:
        status: int = getattr(self, who, self.invalid)
        return status


def everyone(status: int, options: Callable[[], Options] = dict) -> Decision:
    """Whoever asks: the token isn't even looked at."""
    return Decision(
        nobody=status, invalid=status, other=status, owner=status, admin=status, options=options
    )


def owners(status: int, *, other: int = 404, **options: Any) -> Decision:
    """The owner and admins; `other`: what another user gets."""
    return Decision(
        nobody=401,
        invalid=401,
        other=other,
        owner=status,
        admin=status,
        options=lambda: options,
    )


def admins(status: int, **options: Any) -> Decision:
    return Decision(
        nobody=401, invalid=401, other=403, owner=403, admin=status, options=lambda: options
    )


def registration() -> Options:
    return {"json": {"email": f"{uuid4()}@example.com", "password": PASSWORD}}


DECISIONS = {
    "get_health": everyone(200),
    "get_readiness": everyone(200),
    "list_items": owners(200, other=200),
    "create_item": owners(201, other=201, json=item_input()),
    "get_item": owners(200),
    "replace_item": owners(200, json=item_input()),
    "update_item": owners(200, json={"status": "done"}),
    "delete_item": owners(204),
    "register_user": everyone(201, registration),
    "create_token": everyone(400, lambda: {"data": {"grant_type": "refresh_token"}}),
    "revoke_token": everyone(204, lambda: {"data": {"token": "none of ours"}}),
    "get_current_user": owners(200, other=200),
    # They get as far as being asked for their password.
    "update_current_user": owners(
        403, other=403, json={"email": "new@example.com", "current_password": "a wrong password"}
    ),
    "list_sessions": owners(200, other=200),
    "end_sessions": owners(204, other=204),
    # Its own user's alone: to an admin it is unknown, like any other's.
    "end_session": replace(owners(204), admin=404),
    "list_users": admins(200),
    "get_user": admins(200),
    "update_user": admins(200, json={"active": True}),
    "delete_user": admins(204),
}


@dataclass(frozen=True)
class World:
    """Accounts and credentials, and the requests that they send."""

    app: Api
    client: httpx.AsyncClient
    accounts: dict[str, Account]
    tokens: dict[str, str]

    async def status(self, operation_id: str, who: str) -> int:
        """What `who` is answered; a refusal is looked at too."""
        method, path = OPERATIONS[operation_id]
        for name in ("owner", "other", "admin"):  # an operation may have ended it
            await self.app.database.write(reopen_session, self.accounts[name].session)
        path = path.format(
            item_id=await self.new_item(),
            user_id=await self.new_user(),
            session_id=await self.new_session(),
        )
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        response = await self.client.request(
            method, path, headers=headers, **DECISIONS[operation_id].options()
        )
        if response.status_code == 401:
            challenge = "Bearer" if who == "nobody" else 'Bearer error="invalid_token"'
            assert response.headers["WWW-Authenticate"] == challenge
        if response.status_code in {401, 403, 404}:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
        return response.status_code

    async def new_item(self) -> str:
        headers = self.accounts["owner"].headers
        created = await self.client.post("/api/items", json=item_input(), headers=headers)
        item_id: str = created.json()["id"]
        return item_id

    async def new_user(self) -> str:
        return str((await account(self.app)).user.id)

    async def new_session(self) -> str:
        return str((await another_session(self.app, self.accounts["owner"].user)).session.id)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url, AUTH_REQUIRED="true")


@pytest.fixture
async def world(app: Api, client: httpx.AsyncClient) -> World:
    roles = {"owner": "user", "other": "user", "admin": "admin", "revoked": "user"}
    accounts = {who: await account(app, role) for who, role in roles.items()}
    tokens = {who: app.tokens.issue(accounts[who].session) for who in roles}
    signed_out = await client.post("/api/auth/logout", data={"token": tokens["revoked"]})
    assert signed_out.status_code == 204
    return World(app, client, accounts, tokens | forged(accounts["owner"]))


def forged(victim: Account) -> dict[str, str]:
    """Tokens that say they are the victim's. The first shows that the others are refused for
    what their names say."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(victim.user.id),
        "sid": str(victim.session.id),
        "iat": now,
        "exp": now + timedelta(minutes=5),
    }
    without_end = {name: value for name, value in claims.items() if name != "exp"}
    past = {"iat": now - timedelta(hours=2), "exp": now - timedelta(hours=1)}
    key_id = {"kid": _key_id(SIGNING_KEY)}
    return {
        "well made": signed(claims),
        "expired": signed(claims | past),
        "wrong audience": signed(claims | {"aud": "another service"}),
        "wrong issuer": signed(claims | {"iss": "somebody else"}),
        "no exp": signed(without_end),
        "alg: none": jwt.encode(claims, "", "none", headers=key_id),
        "RS for HS": jwt.encode(claims, RSA_KEY, "RS256", headers=key_id),
        "HS for RS": signed_with_public_key(claims),
        "another key": jwt.encode(claims, b"0" * 32, "HS256", headers=key_id),
        "an empty one": "",
    }


def signed(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SIGNING_KEY, "HS256", headers={"kid": _key_id(SIGNING_KEY)})


def signed_with_public_key(claims: dict[str, Any]) -> str:
    """By hand, since PyJWT refuses to take a public key for a secret."""
    numbers = {
        name: int(value.timestamp()) if isinstance(value, datetime) else value
        for name, value in claims.items()
    }
    header = {"alg": "HS256", "typ": "JWT", "kid": _key_id(PUBLIC_PEM)}
    parts = [encoded(json.dumps(part).encode()) for part in (header, numbers)]
    digest = hmac.digest(PUBLIC_PEM, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, encoded(digest)])


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_every_operation_has_its_decision() -> None:
    assert OPERATIONS.keys() == DECISIONS.keys()


@pytest.mark.parametrize("operation_id", OPERATIONS)
async def test_each_may_do_what_was_decided(world: World, operation_id: str) -> None:
    decision = DECISIONS[operation_id]
    everybody = ["nobody", *world.tokens]
    expected = {who: decision.of("owner" if who == "well made" else who) for who in everybody}
    assert {who: await world.status(operation_id, who) for who in everybody} == expected


async def test_a_list_has_what_is_theirs(world: World) -> None:
    mine = {await world.new_item() for _ in range(3)}
    seen = {}
    for who in ("owner", "other", "admin"):
        response = await world.client.get("/api/items", headers=world.accounts[who].headers)
        seen[who] = {item["id"] for item in response.json()["items"]}
    assert seen == {"owner": mine, "other": set(), "admin": mine}


def answers_of(operation: dict[str, Any], status: str) -> list[str]:
    """The kinds of problems that the document has for a status."""
    if status not in operation["responses"]:
        return []
    name = operation["responses"][status]["$ref"].rpartition("/")[2]
    content = DOCUMENT["components"]["responses"][name]["content"]
    return list(content["application/problem+json"]["examples"])


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_document_says_who_may(operation_id: str) -> None:
    method, path = OPERATIONS[operation_id]
    operation = DOCUMENT["paths"][path][method]
    decision = DECISIONS[operation_id]
    refusals = {slug for status in ("401", "403") for slug in answers_of(operation, status)}
    # Other refusals have nothing to do with who asks.
    by_caller = {"authentication-required", "invalid-token", "forbidden"}
    assert refusals & by_caller == {
        *({"authentication-required", "invalid-token"} if decision.invalid == 401 else ()),
        *({"forbidden"} if decision.other == 403 and decision.admin != 403 else ()),
    }
    schemes = [scheme for scheme in operation["security"] if scheme]
    assert schemes == ([{"oauth2": []}, {"bearer": []}] if decision.invalid == 401 else [])
