"""Refresh tokens: opaque, usable once, and stored only as hashes.

All refresh tokens of a session share its id and a random value, its family, so that a made-up token
can be recognized. The rest is the token's own secret. The first one is random; each successor is
derived from its predecessor and SECRET_KEY, so it can be issued again if the response was lost, and
the holder of a used token can't compute it.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import UUID

from storage.accounts.grants import Hashes

PREFIX = "irt_"
"""Lets scanners for leaked secrets recognize a refresh token."""
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{64}}")
PART = 16
"""The bytes of each part; an attacker without any token would have to guess two parts."""


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
        """Parse a refresh token; return None if `text` can't be one."""
        if not FORM.fullmatch(text):
            return None
        content = urlsafe_b64decode(text.removeprefix(PREFIX))
        return cls(UUID(bytes=content[:PART]), content[PART : 2 * PART], content[2 * PART :])

    def __str__(self) -> str:
        content = self.session_id.bytes + self.family + self.secret
        return PREFIX + urlsafe_b64encode(content).decode()

    @property
    def hashes(self) -> Hashes:
        """The hashes to store. SHA-256 is enough for random bytes: there are too many to try."""
        parts = (self.family, self.family + self.secret)
        return Hashes(*(hashlib.sha256(part).digest() for part in parts))


def successors(token: RefreshToken, keys: Sequence[str]) -> list[RefreshToken]:
    """Return the successor by each of `keys`: SECRET_KEY, then the earlier keys."""
    content = token.session_id.bytes + token.family + token.secret
    derived = (hmac.digest(key.encode(), b"items-api refresh token", "sha256") for key in keys)
    digests = (hmac.digest(key, content, "sha256") for key in derived)
    return [replace(token, secret=digest[:PART]) for digest in digests]
