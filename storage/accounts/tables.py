"""The tables of users and their sessions."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from storage.column_types import UtcDateTime, metadata

USER, ADMIN = "user", "admin"

users = Table(
    "users",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    # Null for users of an outside identity provider, which isn't asked for an address.
    Column("email", String(254)),
    # The address without regard to case, which no two users share.
    Column("email_key", String(320), unique=True),
    Column("password_hash", String(255)),
    Column("issuer", String(255)),
    Column("subject", String(255)),
    Column("role", String(5), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("issuer", "subject"),
    CheckConstraint("role IN ('user', 'admin')", name="role"),
)
Index(None, users.c.created_at, users.c.id)

# In the order of schemas.users.User, which makes writing them as JSON quick.
PUBLIC = [
    users.c[name]
    for name in ("id", "created_at", "updated_at", "version", "email", "role", "active")
]

MAX_USER_AGENT = 200
"""Characters of a User-Agent that are stored."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # SHA-256 of what all refresh tokens of the session have in common.
    Column("family_hash", LargeBinary(32), nullable=False),
    # SHA-256 of the one refresh token that has not been used yet, and of the one before it.
    Column("refresh_hash", LargeBinary(32), nullable=False),
    Column("previous_hash", LargeBinary(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("refreshed_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    # No refresh moves expires_at beyond this.
    Column("ends_at", UtcDateTime, nullable=False),
    # Where the latest tokens were asked for; on a Unix socket there is no address.
    Column("address", String(45)),
    Column("network", String(49)),
    Column("user_agent", String(MAX_USER_AGENT)),
)
Index(None, sessions.c.user_id)
Index(None, sessions.c.expires_at)
