"""Access tokens of an outside identity provider (OpenID Connect, or any that signs JWTs)."""

import jwt

from api.identity.key_set import ALGORITHMS, KeySet, UnknownKey
from api.identity.tokens import InvalidToken
from storage.admission import Identity

CLAIMS = ("exp", "iat", "sub", "aud", "iss")
LEEWAY = 30
"""By how many seconds its clock and ours may differ."""
LONGEST_SUBJECT = 255
"""In characters, as OpenID Connect has it."""


class IdentityProvider:
    """Takes the tokens that `issuer` has made out for `audience`, signed with one of `keys`."""

    def __init__(self, *, issuer: str, audience: str, keys: KeySet) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Identity:
        """Whom `token` speaks of. Raises InvalidToken and ProviderUnavailable."""
        try:
            header = jwt.get_unverified_header(token)
            if header["alg"] not in ALGORITHMS:
                raise InvalidToken
            claims = jwt.decode(
                token,
                await self.keys.find(header["kid"]),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": list(CLAIMS)},
            )
        except (jwt.PyJWTError, KeyError, UnknownKey) as error:
            raise InvalidToken from error
        subject: str = claims["sub"]
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise InvalidToken  # one that no database could keep
        return Identity(self._issuer, subject)
