"""Every operation of the document, and callers of every kind that send it."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from random import choice
from string import ascii_lowercase, ascii_uppercase, digits
from time import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Blueprint

from api.http.path_ids import IdConverter
from api.identity.tokens import AUDIENCE, ISSUER, AccessTokens
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from openapi.operation import Access, Operation
from schemas.fields import Choice
from schemas.values_as_text import Date, Identifier
from storage.collections.collection import COLLECTIONS, Collection
from tests import bookings, gizmos
from tests.accounts import Account, account, another_session
from tests.factory import PASSWORD, SECRET_KEY
from tests.identity_provider import KEY, bearer

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
OPERATIONS: dict[str, tuple[str, str]] = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
NUMBERS = count(1)
ROLES = {"owner": "user", "other": "user", "admin": "admin", "signed out": "user"}
OURS = AccessTokens([SECRET_KEY], lifetime=timedelta(minutes=5))
RSA_KEY = generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def document_of(*blueprints: Blueprint) -> dict[str, Any]:
    app = AsyncFlask("api")
    app.url_map.converters["id"] = IdConverter
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return build_document(app)


PATHS: dict[str, Any] = {
    **DOCUMENT["paths"],
    **document_of(gizmos.OPERATIONS, bookings.operations())["paths"],
}
"""Those of the tests' own resources too, which the generic tests don't walk."""
DESCRIBED: dict[str, dict[str, Any]] = {
    operation["operationId"]: {**operation, "path": path}
    for path, methods in PATHS.items()
    for operation in methods.values()
}


def described(operation_id: str) -> dict[str, Any]:
    """The operation, as the document has it."""
    return DESCRIBED[operation_id]


def declared(app: AsyncFlask, operation_id: str) -> Operation:
    """The operation, as its view declares it."""
    operations = (getattr(view, "operation", None) for view in app.view_functions.values())
    known = (operation for operation in operations if isinstance(operation, Operation))
    return next(one for one in known if one.operation_id == operation_id)


def success_of(operation_id: str) -> int:
    return min(int(status) for status in described(operation_id)["responses"])


def request_of(operation_id: str) -> dict[str, Any]:
    """A body that the operation takes, for httpx: the example of the document, with a new address
    and the password that accounts have."""
    content = described(operation_id).get("requestBody", {}).get("content", {})
    sent_as = {"application/json": "json", "application/x-www-form-urlencoded": "data"}
    real = {"ada@example.com": f"{uuid4()}@example.com", "<your password>": PASSWORD}
    return {
        sent_as[kind]: {
            name: real.get(value, value) if isinstance(value, str) else value
            for name, value in content[kind]["example"].items()
        }
        for kind in content
        if kind in sent_as
    }


def collection_of(operation_id: str) -> Collection | None:
    """The collection at the operation's path, which begins with the name of its table."""
    table = DESCRIBED[operation_id]["path"].split("/")[2]
    return next((one for one in COLLECTIONS if one.table.name == table), None)


def another(value: Any) -> Any:
    """A value of the same form, for a column whose values must be unique."""
    if isinstance(value, int):
        return value + next(NUMBERS)
    if Identifier.pattern.fullmatch(value):
        return str(uuid4())
    if Date.pattern.match(value):
        return str(date(2000, 1, 1) + timedelta(days=next(NUMBERS))) + value[10:]
    kinds = (ascii_lowercase, ascii_uppercase, digits)
    return "".join(choice(next((kind for kind in kinds if c in kind), c)) for c in value)


@dataclass(frozen=True)
class Callers:
    """Accounts and tokens, and the requests that they send."""

    app: AsyncFlask
    client: httpx.AsyncClient
    accounts: dict[str, Account]

    @classmethod
    async def of(cls, app: AsyncFlask, client: httpx.AsyncClient) -> "Callers":
        callers = cls(app, client, {who: await account(app, role) for who, role in ROLES.items()})
        token = callers.tokens["signed out"]
        signed_out = await client.post("/api/auth/logout", data={"token": token})
        assert signed_out.status_code == 204
        return callers

    @cached_property
    def tokens(self) -> dict[str, str]:
        issued = {
            who: self.app.services[AccessTokens].issue(self.accounts[who].session) for who in ROLES
        }
        return issued | forged(self.accounts["owner"]) | of_provider()

    async def send(
        self, who: str, method: str, path: str, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        """The response to `who`; a caller without a token has no name in `tokens`."""
        token = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        return await self.client.request(method, path, headers={**token, **(headers or {})}, **body)

    async def body(self, who: str, operation_id: str) -> dict[str, Any]:
        """See request_of. What the body refers to is newly made, by `who` if that is a user, and
        so is a value that must be unique."""
        body = request_of(operation_id)
        collection = collection_of(operation_id)
        if collection is None:
            return body
        maker = who if who in ROLES and who != "signed out" else "owner"
        json = body.get("json", {})
        for name, target in collection.relations.items():
            if name in json:
                json[name] = await self.create(f"/api/{target.table.name}", maker)
        unique = {name for names in collection.unique.values() for name in names}
        for name in unique & json.keys() - collection.relations.keys():
            schema = declared(self.app, operation_id).body
            if schema is None or not isinstance(schema._declared_fields[name], Choice):
                json[name] = another(json[name])
        return body

    async def path(self, operation_id: str) -> str:
        """The operation's path, with what it leads to newly made by the owner."""
        path: str = DESCRIBED[operation_id]["path"]
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        return path.format(**{name: await self.new(path, name) for name in names})

    async def new(self, path: str, name: str) -> str:
        """The id of a new row of the owner's that the variable `name` of `path` can stand for."""
        match name:
            case "user_id":
                return str((await account(self.app)).user.id)
            case "session_id":
                owner = self.accounts["owner"].user
                return str((await another_session(self.app, owner)).session.id)
        return await self.create(path.partition(f"/{{{name}}}")[0], "owner")

    async def create(self, path: str, who: str) -> str:
        """The id of a new row of the collection at `path`: of an admin's, if only admins may."""
        operation_id = PATHS[path]["post"]["operationId"]
        if declared(self.app, operation_id).access is Access.ADMINS:
            who = "admin"
        body = await self.body(who, operation_id)
        created = await self.send(who, "POST", path, **body)
        assert created.status_code == 201, created.text
        location: str = created.headers["Location"]
        return location.rpartition("/")[2]


def forged(victim: Account) -> dict[str, str]:
    """Tokens that say they are the victim's. The first shows that the others are refused for
    what their names say."""
    now = int(time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(victim.user.id),
        "sid": str(victim.session.id),
        "iat": now,
        "exp": now + 300,
    }
    without_end = {name: value for name, value in claims.items() if name != "exp"}
    past = {"iat": now - 7200, "exp": now - 3600}
    future = {"iat": now + 3600, "exp": now + 7200}
    header, payload, _ = OURS.sign(claims).split(".")
    key_id = {"kid": jwt.get_unverified_header(f"{header}..")["kid"]}
    return {
        "well made": OURS.sign(claims),
        "expired": OURS.sign(claims | past),
        "issued in the future": OURS.sign(claims | future),
        "wrong audience": OURS.sign(claims | {"aud": "another service"}),
        "wrong issuer": OURS.sign(claims | {"iss": "somebody else"}),
        "no exp": OURS.sign(without_end),
        "alg: none": jwt.encode(claims, "", "none", headers=key_id),
        "RS for HS": jwt.encode(claims, RSA_KEY, "RS256", headers=key_id),
        "HS for RS": signed_with_public_key(claims),
        "another key": signed(f"{header}.{payload}", b"0" * 32),
        "an empty one": "",
    }


def of_provider() -> dict[str, str]:
    """Tokens of the identity provider that are no access tokens."""
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    headers = {
        "ID token": bearer(KEY, "one", nonce="n"),
        "logout token": bearer(KEY, "one", events=events),
        "no at+jwt": bearer(KEY, "one", typ="JWT"),
    }
    return {who: header["Authorization"].split()[1] for who, header in headers.items()}


def signed_with_public_key(claims: dict[str, Any]) -> str:
    """By hand, since PyJWT refuses to take a public key for a secret."""
    key_id = hashlib.sha256(PUBLIC_PEM).hexdigest()[:16]
    parts: list[dict[str, Any]] = [{"alg": "HS256", "typ": "JWT", "kid": key_id}, claims]
    return signed(".".join(encoded(json.dumps(part).encode()) for part in parts), PUBLIC_PEM)


def signed(text: str, key: bytes) -> str:
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
