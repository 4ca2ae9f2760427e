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
    text,
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
    # Never less than the items that are theirs: storage/collections/quotas.py.
    Column("items_at_most", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("issuer", "subject"),
    CheckConstraint("role IN ('user', 'admin')", name="role"),
)
Index(None, users.c.created_at, users.c.id)

INTERNAL = {"seq", "items_at_most", "email_key", "password_hash", "issuer", "subject"}
PUBLIC = [column for column in users.c if column.name not in INTERNAL]
