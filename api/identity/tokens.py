"""Access tokens: JSON Web Tokens (RFC 7519). Our own are signed with HS256.

Each key has its own id, so that SECRET_KEY can be changed while tokens of the previous keys,
SECRET_KEY_FALLBACKS, are still accepted.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import UUID

import jwt

from api.identity.errors import InvalidToken
from storage.accounts.admission import Session

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "items-api"
LEEWAY = 30
"""The seconds by which the issuer's clock may be ahead of ours: `iat` and `nbf` may be that far in
the future. `exp` has no leeway: a token that has expired by our clock is refused."""
CLAIMS = ("exp", "iat", "sub", "aud", "iss")


class AccessTokens:
    """Issues tokens with the first of `secrets`, and accepts tokens of all of them."""

    def __init__(self, secrets: Sequence[str], *, lifetime: timedelta) -> None:
        self.lifetime = lifetime
        self._keys = {_key_id(key): key for key in map(_signing_key, secrets)}
        self._current = next(iter(self._keys))

    def issue(self, session: Session) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(session.user_id),
            "sid": str(session.id),
            "iat": now,
            "exp": now + self.lifetime,
        }
        key = self._keys[self._current]
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": self._current})

    def is_ours(self, token: str) -> bool:
        """Return whether `token` claims to be issued here; the claim isn't verified."""
        try:
            return jwt.get_unverified_header(token).get("kid") in self._keys
        except jwt.InvalidTokenError:
            return False

    def verify(self, token: str, *, expired_too: bool = False) -> Session:
        """Return the session that `token` names. Raises InvalidToken."""
        try:
            claims = decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                expired_too=expired_too,
            )
            return Session(UUID(claims["sid"]), UUID(claims["sub"]))
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
            raise InvalidToken from error


def decode(
    token: str,
    key: Any,
    *,
    algorithms: Sequence[str],
    issuer: str,
    audience: str,
    expired_too: bool = False,
) -> dict[str, Any]:
    """Return the claims of `token`, ours or an identity provider's; they include CLAIMS.

    Raises InvalidToken.
    """
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


def _signing_key(secret: str) -> bytes:
    """Derive a key for this purpose alone, so that no other signature of the secret is a token."""
    return hmac.digest(secret.encode(), b"items-api access token", "sha256")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
