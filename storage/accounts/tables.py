"""The table behind users."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
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
    # Null for those whom an outside identity provider knows; we don't ask it for an address.
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
