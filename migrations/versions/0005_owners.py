"""Items belong to their creator; those that are there belong to nobody."""

from alembic import op

revision = "0005"
down_revision = "0004"

# SQLite takes a foreign key with the column, and only so; PostgreSQL takes it as well.
ADD = "ALTER TABLE items ADD COLUMN owner_id {} CONSTRAINT fk_items_owner_id REFERENCES users (id)"
TYPES = {"sqlite": "CHAR(32)", "postgresql": "UUID"}


def upgrade() -> None:
    op.execute(ADD.format(TYPES[op.get_bind().dialect.name]))


def downgrade() -> None:
    op.drop_column("items", "owner_id")
