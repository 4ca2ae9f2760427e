"""Access tokens of an outside identity provider (OpenID Connect, or any that signs JWTs)."""

from time import time
from typing import Any

import jwt

from api.identity.errors import InvalidToken
from api.identity.key_set import ALGORITHMS, KeySet, UnknownKey
from api.identity.tokens import EXPIRED, LEEWAY, TokenVerifier
from storage.accounts.admission import Identity

REQUIRED = ("exp", "iat", "sub", "aud", "iss")
"""The claims that a token must have."""
MAX_SUBJECT = 255
"""The maximum number of characters, as in OpenID Connect."""
RFC_9068 = "at+jwt"
"""The `typ` that only an access token's header has (RFC 9068 §2.1)."""
UNTYPED = "jwt"
"""The `typ` of other tokens, and the one assumed if a header has none."""
OF_OTHER_TOKENS = {
    "events",  # logout tokens and other security events (RFC 8417)
    "nonce",  # ID tokens (OpenID Connect Core §2), like the next two
    "at_hash",
    "c_hash",
    "cnf",  # bound to a key of the client (RFC 7800), whose possession isn't verified here
}
"""Claims that no bearer access token has."""


class IdentityProvider(TokenVerifier):
    """Accepts the access tokens that `issuer` has issued for `audience` and signed with one of
    `keys`.

    They have the type RFC_9068 or, if `access_token_claim` (`name` or `name=value`) is given, no
    special type but this claim. `longest_lifetime`: the seconds from `iat` to `exp`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: KeySet,
        access_token_claim: str = "",
        longest_lifetime: int = 86_400,
    ) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._claim, _, self._value = access_token_claim.partition("=")
        self._types = {RFC_9068, UNTYPED} if access_token_claim else {RFC_9068}
        self._longest_lifetime = longest_lifetime

    async def verify(self, token: str) -> Identity:
        try:
            header = jwt.get_unverified_header(token)
            if header["alg"] not in ALGORITHMS or type_of(header) not in self._types:
                raise InvalidToken
            claims = self._claims(token, await self.keys.find(header["kid"]))
        except (jwt.PyJWTError, KeyError, UnknownKey) as error:
            raise InvalidToken from error
        marked = type_of(header) == RFC_9068 or self._is_marked(claims)
        lifetime = claims["exp"] - claims["iat"]
        if not marked or OF_OTHER_TOKENS & claims.keys() or lifetime > self._longest_lifetime:
            raise InvalidToken
        subject: str = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise InvalidToken  # no database could store this subject
        return Identity(self._issuer, subject)

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """Return the claims of `token`, verified. Raises InvalidToken and jwt.PyJWTError."""
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": list(REQUIRED), "verify_exp": False},
        )
        # PyJWT accepts text and NaN as dates; a NumericDate is neither (RFC 7519 §2).
        moments = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
        if not all(type(moment) in {int, float} and moment > 0 for moment in moments):
            raise InvalidToken
        if claims["exp"] <= time():
            raise InvalidToken(EXPIRED)
        return claims

    def _is_marked(self, claims: dict[str, Any]) -> bool:
        return self._claim in claims and self._value in ("", claims[self._claim])


def type_of(header: dict[str, Any]) -> str:
    """Return the media type in `typ`, ignoring case and `application/` (RFC 7515 §4.1.9)."""
    return str(header.get("typ", UNTYPED)).lower().removeprefix("application/")
