"""Our own access tokens: JWTs (RFC 7519) signed with HS256.

Each key has its own id, so that SECRET_KEY can be changed while tokens of the previous keys,
SECRET_KEY_FALLBACKS, are still accepted.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from api.identity.errors import InvalidToken
from api.identity.jwts import decode
from storage.accounts.admission import Session

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "items-api"


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


def _signing_key(secret: str) -> bytes:
    """Derive a key for this purpose alone, so that no other signature of the secret is a token."""
    return hmac.digest(secret.encode(), b"items-api access token", "sha256")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
