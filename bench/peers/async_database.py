"""SQLAlchemy's asynchronous engine, for FastAPI and Quart."""

from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from bench.peers.models import SERVER_SETTINGS, configure_sqlite, pool_of


def open_sessions(url: str) -> tuple[AsyncEngine, async_sessionmaker[AsyncSession]]:
    """Return the engine for `url` (sqlite: or postgresql:) and its session factory."""
    pool = pool_of(url)
    if url.startswith("sqlite:"):
        url = url.replace("sqlite:", "sqlite+aiosqlite:", 1)
        engine = create_async_engine(url, **pool)
        configure_sqlite(engine.sync_engine)
    else:
        engine = create_async_engine(
            url.replace("postgresql:", "postgresql+asyncpg:", 1),
            connect_args={"server_settings": SERVER_SETTINGS},
            **pool,
        )
    # Otherwise each attribute that is read after the commit would need its own query.
    return engine, async_sessionmaker(engine, expire_on_commit=False)
