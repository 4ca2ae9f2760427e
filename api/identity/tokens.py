"""Access tokens issued here: JSON Web Tokens (RFC 7519), signed with HS256.

Each key has its own id, so that SECRET_KEY can be changed while tokens of the previous keys,
SECRET_KEY_FALLBACKS, are still accepted.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from time import time
from typing import Any
from uuid import UUID

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from api.identity.errors import InvalidToken
from storage.accounts.admission import Credentials, Session

ISSUER = AUDIENCE = "items-api"
LEEWAY = 30
"""The seconds by which the issuer's clock may be ahead of ours: `iat` and `nbf` may be that far in
the future. `exp` has no leeway: a token that has expired by our clock is refused."""
KEPT = 4096
"""The number of valid tokens whose signatures aren't computed again, about 4 MB."""
EXPIRED = "The access token has expired: get a new one."


class AccessTokens:
    """Issues tokens with the first of `secrets`, and accepts tokens of all of them.

    The header of a token has to be one of ours, byte by byte, so that it can't choose how the token
    is verified.
    """

    def __init__(self, secrets: Sequence[str], *, lifetime: timedelta) -> None:
        self.lifetime = lifetime
        self._verified = lru_cache(KEPT)(self._verify)
        self._signers = {_header(signer): signer for signer in map(_signer, secrets)}
        self._current = next(iter(self._signers))

    def issue(self, session: Session) -> str:
        now = int(time())
        return self.sign(
            {
                "iss": ISSUER,
                "aud": AUDIENCE,
                "sub": str(session.user_id),
                "sid": str(session.id),
                "iat": now,
                "exp": now + int(self.lifetime.total_seconds()),
            }
        )

    def sign(self, claims: dict[str, Any]) -> str:
        signer = self._signers[self._current]
        return signer.sign(f"{self._current}.{_encoded(claims)}").decode()

    def is_ours(self, token: str) -> bool:
        """Return whether `token` claims to be issued here; the claim isn't verified."""
        return token.partition(".")[0] in self._signers

    def verify(self, token: str, *, expired_too: bool = False) -> Session:
        """Return the session that `token` names. Raises InvalidToken."""
        try:
            session, issued_at, expires_at = self._verified(token)
            is_begun, has_ended = issued_at <= time() + LEEWAY, expires_at <= time()
        except (BadData, KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken from error
        if not is_begun:
            raise InvalidToken
        if has_ended and not expired_too:
            raise InvalidToken(EXPIRED)
        return session

    def _verify(self, token: str) -> tuple[Session, float, float]:
        """Return what `token` says, with `iat` and `exp`, if its signature is right."""
        signed = self._signers[token.partition(".")[0]].unsign(token)
        claims = json.loads(base64_decode(signed.partition(b".")[2]))
        if (claims["iss"], claims["aud"]) != (ISSUER, AUDIENCE):
            raise ValueError("the token was issued for something else")
        return Session(UUID(claims["sid"]), UUID(claims["sub"])), claims["iat"], claims["exp"]


class TokenVerifier(ABC):
    """Verifies the access tokens of another issuer."""

    @abstractmethod
    async def verify(self, token: str) -> Credentials:
        """Return the user that `token` names. Raises InvalidToken and ProviderUnavailable."""


def _signer(secret: str) -> Signer:
    """Return a signer in the form of RFC 7515 §7.1: text, a dot, and the text's HMAC in base64url.

    Its key is derived for this purpose alone, so that no other signature of the secret is a token.
    """
    return Signer(
        secret,
        salt="items-api access token",
        sep=".",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def _header(signer: Signer) -> str:
    key_id = hashlib.sha256(signer.derive_key()).hexdigest()[:16]
    return _encoded({"alg": "HS256", "kid": key_id, "typ": "JWT"})


def _encoded(value: dict[str, Any]) -> str:
    return base64_encode(json.dumps(value, separators=(",", ":"))).decode()
