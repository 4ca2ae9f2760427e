"""Sessions know where they are used from, when they end, and all of their own refresh tokens.

Open sessions stay open: what is new in them is null until their next refresh.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

COLUMNS = (
    ("family_hash", sa.LargeBinary(length=32)),
    ("previous_hash", sa.LargeBinary(length=32)),
    ("refreshed_at", sa.DateTime(timezone=True)),
    ("ends_at", sa.DateTime(timezone=True)),
    ("address", sa.String(length=45)),
    ("network", sa.String(length=49)),
    ("user_agent", sa.String(length=200)),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("sessions", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _ in COLUMNS:
        op.drop_column("sessions", name)
