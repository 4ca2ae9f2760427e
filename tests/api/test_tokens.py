"""Our own access tokens; those that are plainly forged are in test_permissions.py."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from itsdangerous import Signer, URLSafeSerializer

from api import create_app
from api.config.settings import Settings
from api.identity.errors import InvalidToken
from api.identity.tokens import AUDIENCE, ISSUER, LEEWAY, AccessTokens, _signer
from api.runtime.async_flask import AsyncFlask
from storage.accounts.admission import Session
from tests.accounts import signed_in
from tests.conftest import bridged
from tests.factory import SECRET_KEY, settings_for

SESSION = Session(uuid4(), uuid4())
OLD, NEW, NEWEST = (f"{name}-{SECRET_KEY}".replace(" ", "_") for name in ("old", "new", "newest"))
MINUTE = timedelta(minutes=1)
OURS = AccessTokens([SECRET_KEY], lifetime=MINUTE)


def encoded(data: bytes) -> str:
    return jwt.utils.base64url_encode(data).decode()


def token_with(header: dict[str, Any] | bytes, token: str) -> str:
    """`token` under another header, signed with our key: as far as could be if that were lost."""
    told = (
        header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    )
    return _signer(SECRET_KEY).sign(f"{encoded(told)}.{token.split('.')[1]}").decode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


HEADER = jwt.get_unverified_header(OURS.issue(SESSION))
KID = HEADER["kid"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (HEADER, 200),
        (json.dumps(HEADER).encode(), 401),
        ({"alg": "HS256", "kid": KID}, 401),
        (HEADER | {"jku": "http://127.0.0.1:1/keys", "x5u": "file:///"}, 401),
        ({"alg": "HS256"}, 401),
        ({"alg": "HS256", "kid": ""}, 401),
        ({"alg": "HS256", "kid": [KID]}, 401),
        ({"alg": "HS256", "kid": "../../dev/null"}, 401),
        (HEADER | {"alg": "HS512"}, 401),
        (HEADER | {"alg": "hs256"}, 401),
        (HEADER | {"alg": "none"}, 401),
        (HEADER | {"alg": None}, 401),
        ({"kid": KID}, 401),
        ({"alg": "HS256", "kid": KID, "crit": ["exp"], "exp": 1}, 401),
        ({"alg": "HS256", "kid": KID, "crit": []}, 401),
        ({"alg": "HS256", "kid": KID, "crit": ["b64"], "b64": False}, 401),
        (b"[" * 9_000, 401),
        (b'{"alg": "HS256", "kid": ' + b"9" * 5_000 + b"}", 401),
        (b"\xff", 401),
        (b"", 401),
    ],
)
async def test_a_token_s_header_must_be_exactly_ours(
    app: AsyncFlask, client: httpx.AsyncClient, header: dict[str, Any] | bytes, status: int
) -> None:
    token = (await signed_in(app))["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": f"Bearer {token_with(header, token)}"}
    response = await client.get("/api/gizmos", headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b".",
        b"..",
        b"e30.e30.",
        b"a.b.c.d",
        b"x" * 15_000,
        b"\xe9t\xe9.\xe9t\xe9.\xe9t\xe9",
        "\u20ac.\u20ac.\u20ac".encode(),
        b"eyJhbGciOiJIUzI1NiJ9 .e30.x",
    ],
)
async def test_a_malformed_token_is_refused(client: httpx.AsyncClient, token: bytes) -> None:
    response = await client.get("/api/gizmos", headers=[(b"Authorization", b"Bearer " + token)])
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("{token}", "The Authorization header doesn't begin with a scheme: {correct}"),
        ("Basic {token}", "The Authorization header has another scheme than Bearer: {correct}"),
        ("Bearer", "The Authorization header has no token after Bearer: {correct}"),
        ("Bearer  ", "The Authorization header has no token after Bearer: {correct}"),
        ("Bearer Bearer {token}", "The Authorization header has a blank in its token: {correct}"),
        (
            "Bearer undefined",
            "The Authorization header has no access token after Bearer: {correct}",
        ),
        ("Bearer " + "x" * 8192, "The Authorization header has more than 8192 characters."),
        ("Bearer irt_x", "This is a refresh token: /api/auth/token gives an access token for it."),
        ("Bearer {expired}", "The access token has expired: get a new one."),
    ],
)
async def test_the_error_says_what_is_wrong_with_the_authorization_header(
    client: httpx.AsyncClient, header: str, detail: str
) -> None:
    token = OURS.issue(SESSION)
    expired = AccessTokens([SECRET_KEY], lifetime=-MINUTE).issue(SESSION)
    headers = {"Authorization": header.format(token=token, expired=expired)}
    response = await client.get("/api/gizmos", headers=headers)
    assert response.status_code == 401
    correct = "send it as Authorization: Bearer <access token>."
    assert response.json()["detail"] == detail.format(correct=correct)
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert token not in response.text


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Bearertoken", "", "Token"])
async def test_ignores_other_authentication_schemes(
    app: AsyncFlask, client: httpx.AsyncClient, scheme: str
) -> None:
    token = (await signed_in(app))["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": f"{scheme} {token}"}
    response = await client.get("/api/gizmos", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["type"] == "/errors/authentication-required"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
async def test_the_scheme_s_case_and_blanks_do_not_matter(
    app: AsyncFlask, client: httpx.AsyncClient, scheme: str
) -> None:
    token = (await signed_in(app))["Authorization"].removeprefix("Bearer ")
    response = await client.get("/api/gizmos", headers={"Authorization": f"{scheme} {token}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("iat", "exp", "accepted"),
    [
        (0, 60, True),
        (2, 60, True),
        (LEEWAY - 5, 60, True),
        (LEEWAY + 60, 120, False),
        (-60, -1, False),
        (-60, 0, False),
    ],
)
def test_a_token_of_a_clock_that_is_ahead_is_accepted_an_expired_one_is_not(
    iat: int, exp: int, accepted: bool
) -> None:
    now = int(time())
    token = signed_with(iat=now + iat, exp=now + exp)
    if accepted:
        assert OURS.verify(token) == SESSION
    else:
        with pytest.raises(InvalidToken):
            OURS.verify(token)


def test_signing_out_takes_an_expired_token() -> None:
    token = signed_with(iat=1, exp=2)
    assert OURS.verify(token, expired_too=True) == SESSION


def test_a_signature_is_computed_once_but_the_times_are_checked_each_time() -> None:
    tokens = AccessTokens([SECRET_KEY], lifetime=MINUTE)
    expired = signed_with(iat=1, exp=2)
    for _ in range(3):
        assert tokens.verify(expired, expired_too=True) == SESSION
        with pytest.raises(InvalidToken):
            tokens.verify(expired)
        with pytest.raises(InvalidToken):
            tokens.verify(expired[:-4] + "AAAA")
    assert tokens._verified.cache_info().currsize == 1


@pytest.mark.parametrize("claim", ["iat", "exp", "sub", "sid", "aud", "iss"])
def test_no_claim_may_be_missing(claim: str) -> None:
    assert OURS.verify(signed_with()) == SESSION
    with pytest.raises(InvalidToken):
        OURS.verify(signed_with(**{claim: None}))


def signed_with(**changes: Any) -> str:
    """A token of ours with other claims; None leaves one out."""
    claims = jwt.decode(OURS.issue(SESSION), options={"verify_signature": False}) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return OURS.sign(kept)


def test_tokens_are_json_web_tokens() -> None:
    claims = jwt.decode(
        OURS.issue(SESSION),
        _signer(SECRET_KEY).derive_key(),
        algorithms=["HS256"],
        audience=AUDIENCE,
        issuer=ISSUER,
    )
    assert (claims["sid"], claims["sub"]) == tuple(map(str, SESSION))
    assert claims["exp"] - claims["iat"] == MINUTE.total_seconds()


def test_a_new_key_signs_and_the_old_one_is_still_accepted() -> None:
    before = AccessTokens([OLD], lifetime=MINUTE)
    after = AccessTokens([NEW, OLD], lifetime=MINUTE)
    assert after.verify(before.issue(SESSION)) == SESSION
    kids = {jwt.get_unverified_header(t.issue(SESSION))["kid"] for t in (before, after)}
    assert len(kids) == 2
    with pytest.raises(InvalidToken):
        before.verify(after.issue(SESSION))
    with pytest.raises(InvalidToken):
        AccessTokens([NEWEST, NEW], lifetime=MINUTE).verify(before.issue(SESSION))


async def test_the_keys_of_the_settings_rotate(tmp_path: Path) -> None:
    before = create_app(settings_for(tmp_path, SECRET_KEY=OLD))
    async with before:
        headers = await signed_in(before)
    seen = []
    for keys in [(NEW, OLD), (NEWEST, f"{OLD} {NEW}"), (NEWEST, NEW)]:
        environ = dict(zip(("SECRET_KEY", "SECRET_KEY_FALLBACKS"), keys, strict=True))
        app = create_app(settings_for(tmp_path, **environ))
        transport = httpx.ASGITransport(bridged(app))
        async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            seen.append((await client.get("/api/gizmos", headers=headers)).status_code)
    assert seen == [200, 200, 401]


def test_the_signing_key_is_for_tokens_alone() -> None:
    """Whoever sees what the secret signs elsewhere can't make a token of it."""
    signed, _, _ = OURS.issue(SESSION).rpartition(".")
    undivided = Signer(SECRET_KEY, key_derivation="none", digest_method=sha256)
    of_cursors = URLSafeSerializer(SECRET_KEY, signer_kwargs={"digest_method": sha256})
    for signer in (undivided, of_cursors.make_signer()):
        with pytest.raises(InvalidToken):
            OURS.verify(signer.sign(signed).decode())
