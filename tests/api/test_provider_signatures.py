"""With which keys and algorithms tokens of an outside identity provider may be signed."""

import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.config.settings import Settings
from tests.factory import settings_for
from tests.identity_provider import (
    AUDIENCE,
    EC_KEY,
    ISSUER,
    KEY,
    OTHER_KEY,
    IdentityProvider,
    bearer,
    claims_of,
    ec_key,
    jwk_of,
    rsa_key,
    status,
)


@pytest.fixture
def settings(tmp_path: Any, provider: IdentityProvider) -> Settings:
    return settings_for(
        tmp_path,
        JWT_JWKS_URL=provider.url,
        JWT_ISSUER=ISSUER,
        JWT_AUDIENCE=AUDIENCE,
    )


PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forged(algorithm: str, key: Any, **header: Any) -> dict[str, str]:
    """A request with a token that PyJWT would not sign, or not so."""
    first, second, _ = jwt.encode(
        claims_of(), "x" * 64, "HS256", headers={"kid": "one", **header}
    ).split(".")
    told = json.dumps({"alg": algorithm, "kid": "one", "typ": "at+jwt", **header}).encode()
    first = jwt.utils.base64url_encode(told).decode()
    algorithms = jwt.algorithms.get_default_algorithms()
    hmac = algorithms["HS256"].hash_alg  # type: ignore[attr-defined]  # the HMAC one has it
    signed = jwt.algorithms.HMACAlgorithm(hmac).sign(f"{first}.{second}".encode(), key)
    last = jwt.utils.base64url_encode(signed).decode() if key else ""
    return {"Authorization": f"Bearer {first}.{second}.{last}"}


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (forged("HS256", PUBLIC_PEM), 0),
        (forged("HS256", b""), 0),
        (forged("none", b""), 0),
        (forged("None", b""), 0),
        (forged("RS256", PUBLIC_PEM), 1),
        (bearer(OTHER_KEY, "one"), 1),
        (bearer(KEY, "two"), 1),
        (bearer(EC_KEY, "one", algorithm="ES256"), 1),
        (bearer(KEY, "one", algorithm="RS512"), 0),
        (bearer(KEY, "one", algorithm="PS256"), 0),
        (bearer(OTHER_KEY, ""), 1),
    ],
)
async def test_refuses_other_algorithms_and_other_keys(
    client: httpx.AsyncClient, provider: IdentityProvider, headers: dict[str, str], asked: int
) -> None:
    assert await status(client, headers) == 401
    assert provider.asked == asked


@pytest.mark.parametrize("member", ["jku", "x5u", "jwk", "x5c"])
async def test_keys_that_a_token_brings_or_names_are_not_looked_at(
    client: httpx.AsyncClient, provider: IdentityProvider, member: str
) -> None:
    elsewhere = IdentityProvider()
    elsewhere.keys = [jwk_of(OTHER_KEY, "one")]
    with elsewhere.serving():
        brought = {"jku": elsewhere.url, "x5u": elsewhere.url, "x5c": ["MII"]}
        header = {
            "kid": "one",
            "typ": "at+jwt",
            member: brought.get(member, jwk_of(OTHER_KEY, "one")),
        }
        token = jwt.encode(claims_of(), OTHER_KEY, "RS256", headers=header)
        assert await status(client, {"Authorization": f"Bearer {token}"}) == 401
    assert elsewhere.asked == 0
    assert provider.asked == 1


@pytest.mark.parametrize(
    "unusable",
    [
        jwk_of(rsa_key(1024), "one"),
        jwk_of(KEY, "one", use="enc"),
        jwk_of(KEY, "one", alg="PS256"),
        jwk_of(ec_key(ec.SECP384R1()), "one"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {"kty": "RSA", "n": "AQAB", "kid": "one"},
        {"kty": "nothing", "kid": "one"},
        {"kid": "one"},
        "one",
    ],
    ids=["short", "use", "alg", "curve", "oct", "no-e", "kty", "no-kty", "text"],
)
async def test_unsafe_keys_are_left_out(
    client: httpx.AsyncClient, provider: IdentityProvider, unusable: Any
) -> None:
    provider.keys = [unusable, jwk_of(EC_KEY, "two")]
    assert await status(client, bearer(KEY, "one")) == 401
    assert await status(client, bearer(EC_KEY, "two", algorithm="ES256")) == 200
