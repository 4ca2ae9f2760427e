"""The table behind sessions."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Uuid,
    bindparam,
    func,
)

from storage.column_types import UtcDateTime, metadata

LONGEST_USER_AGENT = 200

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
    Column("user_agent", String(LONGEST_USER_AGENT)),
)
Index(None, sessions.c.user_id)
Index(None, sessions.c.expires_at)

BY_USER = sessions.c.user_id == bindparam("user_id", type_=Uuid)
LAST_USED_AT = func.coalesce(sessions.c.refreshed_at, sessions.c.created_at)
