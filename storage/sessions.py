"""Sessions: one for each sign-in, for as long as its refresh tokens follow one another.

The row is the session: where it is gone, or too old, its tokens are worth nothing.
"""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Uuid

from storage.tables import UtcDateTime, metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # SHA-256 of the one refresh token that has not been used yet.
    Column("refresh_hash", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
Index(None, sessions.c.user_id)
Index(None, sessions.c.expires_at)
