"""The migrations, and how Alembic writes them."""
