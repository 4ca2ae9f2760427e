"""Each user has a number that their items are at most, so that a quota costs no count."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

COUNT = """
UPDATE users SET items_at_most = counted.number
  FROM (SELECT owner_id, count(*) AS number FROM items WHERE owner_id IS NOT NULL GROUP BY owner_id)
    AS counted
  WHERE counted.owner_id = users.id
"""


def upgrade() -> None:
    column = sa.Column("items_at_most", sa.Integer, nullable=False, server_default=sa.text("0"))
    op.add_column("users", column)
    op.execute(COUNT)


def downgrade() -> None:
    op.drop_column("users", "items_at_most")
