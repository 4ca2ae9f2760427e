"""Refresh tokens: opaque, good for one use, and kept as a hash alone."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

PREFIX = "irt_"
"""What those who search files for secrets that got lost can search for."""
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{64}}")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The session that it belongs to, and what only its holder knows."""

    session_id: UUID
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, session_id: UUID) -> Self:
        return cls(session_id, secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for what can't be one."""
        if not FORM.fullmatch(text):
            return None
        content = urlsafe_b64decode(text.removeprefix(PREFIX))
        return cls(UUID(bytes=content[:16]), content[16:])

    def __str__(self) -> str:
        return PREFIX + urlsafe_b64encode(self.session_id.bytes + self.secret).decode()

    @property
    def digest(self) -> bytes:
        """SHA-256, which is enough for 32 random bytes: nobody can try them all."""
        return hashlib.sha256(self.secret).digest()
