"""Which tokens of an outside identity provider are accepted."""

from math import inf, nan
from time import time
from typing import Any

import httpx
import jwt
import pytest

from api.config.settings import Settings
from api.identity.key_set import KeySet
from api.identity.provider import IdentityProvider as Verifier
from api.identity.tokens import LEEWAY, AccessTokens, TokenVerifier
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.admission import Session
from tests.accounts import count_users, signed_in
from tests.factory import settings_for
from tests.identity_provider import (
    AUDIENCE,
    ISSUER,
    KEY,
    IdentityProvider,
    bearer,
    claims_of,
    jwk_of,
    listed,
    status,
)

pytestmark = pytest.mark.usefixtures("closed")


@pytest.fixture
def settings(tmp_path: Any, provider: IdentityProvider) -> Settings:
    return settings_for(
        tmp_path,
        JWT_JWKS_URL=provider.url,
        JWT_ISSUER=ISSUER,
        JWT_AUDIENCE=AUDIENCE,
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example.com"},
        {"aud": [f"{AUDIENCE}/"]},
        {"aud": None},
        {"iss": "https://id.example.com"},
        {"iss": "items-api"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 2**40},
        {"iat": str(int(time()))},
        {"iat": nan},
        {"iat": True},
        {"nbf": 2**40},
        {"nbf": "0"},
        {"exp": str(int(time()) + 300)},
        {"exp": nan},
        {"exp": inf},
        {"subject": None},
        {"subject": ""},
        {"subject": "a" * 256},
        {"subject": "a\0b"},
        {"subject": "\ud800"},
        {"sub": 5},
    ],
)
async def test_rejects_tokens_that_are_not_for_this_service(
    app: AsyncFlask, client: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    response = await listed(client, bearer(KEY, "one", **claims))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert response.json()["type"] == "/errors/invalid-token"
    assert await app.services[Database].read(count_users) == 0


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT"])
async def test_a_token_with_the_type_of_an_access_token_is_accepted(
    client: httpx.AsyncClient, typ: str
) -> None:
    assert await status(client, bearer(KEY, "one", typ=typ)) == 200


@pytest.mark.parametrize("typ", [None, "JWT", "logout+jwt", "dpop+jwt", "secevent+jwt", ""])
async def test_a_token_without_the_type_or_claim_of_an_access_token_is_refused(
    client: httpx.AsyncClient, provider: IdentityProvider, typ: str | None
) -> None:
    # Auth0's claim and Entra ID's count only where the setting names them.
    claims = {"scope": "items", "scp": "items"}
    assert await status(client, bearer(KEY, "one", typ=typ, **claims)) == 401
    assert provider.asked == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"nonce": "n-0S6_WzA2Mj"},
        {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"},
        {"c_hash": "LDktKdoQak3Pk0cnXxCltA"},
        {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    ],
    ids=lambda claims: str(next(iter(claims))),
)
async def test_id_tokens_and_logout_tokens_are_refused_with_any_type(
    client: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    assert await status(client, bearer(KEY, "one", **claims)) == 401


@pytest.mark.parametrize(
    ("mark", "typ", "claims", "expected"),
    [
        ("scope", "JWT", {"scope": "items"}, 200),
        ("scope", None, {"scope": "items"}, 200),
        ("scope", "JWT", {"scp": "items"}, 401),
        ("scope", "logout+jwt", {"scope": "items"}, 401),
        ("scope", "at+jwt", {}, 200),
        ("token_use=access", "JWT", {"token_use": "access"}, 200),
        ("token_use=access", "JWT", {"token_use": "id"}, 401),
        ("token_use=access", "JWT", {"token_use": ["access"]}, 401),
        ("token_use=access", "JWT", {}, 401),
        ("token_use=access", "JWT", {"token_use": "access", "nonce": "n"}, 401),
        ("https://id.example.com/use=a=b", "JWT", {"https://id.example.com/use": "a=b"}, 200),
    ],
)
async def test_a_claim_may_mark_access_tokens(
    app: AsyncFlask,
    client: httpx.AsyncClient,
    provider: IdentityProvider,
    mark: str,
    typ: str | None,
    claims: dict[str, Any],
    expected: int,
) -> None:
    app.services[TokenVerifier] = Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=KeySet(provider.url), access_token_claim=mark
    )
    assert await status(client, bearer(KEY, "one", typ=typ, **claims)) == expected


async def test_the_claim_typ_is_keycloak_s(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    """It is called as the header's member is."""
    app.services[TokenVerifier] = Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=KeySet(provider.url), access_token_claim="typ=Bearer"
    )
    for kind, expected in [("Bearer", 200), ("ID", 401), ("Refresh", 401), ("Logout", 401)]:
        token = jwt.encode(claims_of() | {"typ": kind}, KEY, "RS256", headers={"kid": "one"})
        assert await status(client, {"Authorization": f"Bearer {token}"}) == expected


@pytest.mark.parametrize(
    ("iat", "exp", "expected"),
    [
        (LEEWAY - 5, 300, 200),
        (LEEWAY + 60, 300, 401),
        (-300, -1, 401),
        (0, 86_400, 200),
        (0, 86_401, 401),
        (-86_400, 300, 401),
        (-3600, 10 * 365 * 86_400, 401),
    ],
)
async def test_clocks_may_differ_and_no_token_lives_long(
    client: httpx.AsyncClient, iat: int, exp: int, expected: int
) -> None:
    now = int(time())
    assert await status(client, bearer(KEY, "one", iat=now + iat, exp=now + exp)) == expected


@pytest.mark.parametrize(("nbf", "expected"), [(LEEWAY - 5, 200), (LEEWAY + 60, 401)])
async def test_a_token_may_begin_a_little_later(
    client: httpx.AsyncClient, nbf: int, expected: int
) -> None:
    assert await status(client, bearer(KEY, "one", nbf=int(time()) + nbf)) == expected


async def test_our_own_tokens_do_not_depend_on_the_identity_provider(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    """A key of the provider's that is called as one of ours opens nothing of ours."""
    ours = await signed_in(app)
    token = ours["Authorization"].removeprefix("Bearer ")
    kid = jwt.get_unverified_header(token)["kid"]
    provider.keys = [jwk_of(KEY, kid)]
    session: Session = app.services[AccessTokens].verify(token)
    claims = {"sub": str(session.user_id), "sid": str(session.id)}
    assert await status(client, bearer(KEY, kid, **claims, iss="items-api")) == 401
    users = [
        (await client.get("/api/users/me", headers=headers)).json()["id"]
        for headers in (ours, bearer(KEY, kid, **claims))
    ]
    assert users[0] == str(session.user_id) != users[1]
