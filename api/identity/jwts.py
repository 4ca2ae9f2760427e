"""Checks of JSON Web Tokens (RFC 7519), for our own tokens and an identity provider's."""

from collections.abc import Sequence
from time import time
from typing import Any

import jwt

from api.identity.errors import InvalidToken

LEEWAY = 30
"""The seconds by which the issuer's clock may be ahead of ours: `iat` and `nbf` may be that far in
the future. `exp` has no leeway: a token that has expired by our clock is refused."""
CLAIMS = ("exp", "iat", "sub", "aud", "iss")


def decode(
    token: str,
    key: Any,
    *,
    algorithms: Sequence[str],
    issuer: str,
    audience: str,
    expired_too: bool = False,
) -> dict[str, Any]:
    """Return the claims of `token`, which include CLAIMS. Raises InvalidToken."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": list(CLAIMS), "verify_exp": False},
        )
    except jwt.PyJWTError as error:
        raise InvalidToken from error
    # PyJWT accepts text and NaN as dates; a NumericDate is neither (RFC 7519 §2).
    moments = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    if not all(type(moment) in {int, float} and moment > 0 for moment in moments):
        raise InvalidToken
    if not (expired_too or claims["exp"] > time()):
        raise InvalidToken("The access token has expired: get a new one.")
    return claims
