"""JSON Web Tokens (RFC 7519): what our own and an identity provider's have in common."""

from collections.abc import Sequence
from time import time
from typing import Any

import jwt

LEEWAY = 30
"""By how many seconds the issuer's clock may be ahead of ours: `iat` and `nbf` may lie so far in
the future. `exp` has no leeway: a token that has expired by our clock is refused."""
CLAIMS = ("exp", "iat", "sub", "aud", "iss")


class InvalidToken(Exception):
    """A token that was not issued for this service, or that is not valid any more."""


def decode(
    token: str,
    key: Any,
    *,
    algorithms: Sequence[str],
    issuer: str,
    audience: str,
    expired_too: bool = False,
) -> dict[str, Any]:
    """The claims of `token`, those of CLAIMS at least. Raises InvalidToken."""
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
    # Text and NaN, which Python's JSON knows, are no NumericDate; PyJWT takes them for one.
    moments = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    if not all(type(moment) in {int, float} and moment > 0 for moment in moments):
        raise InvalidToken
    if not (expired_too or claims["exp"] > time()):
        raise InvalidToken
    return claims
