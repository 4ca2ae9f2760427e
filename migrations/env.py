"""How Alembic runs and writes migrations: on the connection, and in the transaction, that
storage.engines.revisions begins.

Nothing runs offline or on a connection of its own, so the caller's lock holds for all of it.
"""

from alembic import context

from migrations.autogenerate import add_collections, render_type
from storage.collections.ddl import keep_triggers
from storage.column_types import is_described, metadata

connection = context.config.attributes["connection"]
keep_triggers(connection)
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_name=is_described,
    render_as_batch=True,
    render_item=render_type,
    process_revision_directives=add_collections,
)
context.run_migrations()
