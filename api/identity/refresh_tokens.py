"""Refresh tokens: opaque, good for one use, and stored as hashes alone.

All refresh tokens of a session have its id and a random text, its family, in common, so that one
which was issued for it can be told from one which is made up. What follows is the token's own. The
first one is random; each successor is derived from the one before it and SECRET_KEY, so that it
can be given again where the answer was lost, and the holder of a used token can't know it.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import UUID

from storage.accounts.grants import Hashes

PREFIX = "irt_"
"""Lets scanners for leaked secrets recognize a refresh token."""
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{64}}")
PART = 16
"""Bytes of each part; an attacker without any token would have to guess two of them."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    session_id: UUID
    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, session_id: UUID) -> Self:
        return cls(session_id, secrets.token_bytes(PART), secrets.token_bytes(PART))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for text that can't be one."""
        if not FORM.fullmatch(text):
            return None
        content = urlsafe_b64decode(text.removeprefix(PREFIX))
        return cls(UUID(bytes=content[:PART]), content[PART : 2 * PART], content[2 * PART :])

    def __str__(self) -> str:
        content = self.session_id.bytes + self.family + self.secret
        return PREFIX + urlsafe_b64encode(content).decode()

    @property
    def hashes(self) -> Hashes:
        """SHA-256 is enough for random bytes: there are too many to try them all."""
        parts = (self.family, self.family + self.secret)
        return Hashes(*(hashlib.sha256(part).digest() for part in parts))


class RefreshTokens:
    """Derives the successors of refresh tokens by `secret_key`."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.digest(secret_key.encode(), b"items-api refresh token", "sha256")

    def successor(self, token: RefreshToken) -> RefreshToken:
        content = token.session_id.bytes + token.family + token.secret
        return replace(token, secret=hmac.digest(self._key, content, "sha256")[:PART])
