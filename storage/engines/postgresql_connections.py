"""The connections to PostgreSQL that units of work take, and give back."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import await_only

from storage.column_types import ENGINE_OPTIONS
from storage.engines.database import Kind, PoolOptions
from storage.engines.postgresql_errors import hide_values_of
from storage.engines.postgresql_server import Servers, options
from storage.engines.postgresql_units import PostgresConnection
from storage.engines.statements import Statements

MAX_AGE = 180
"""Seconds after which a connection is replaced: its address may lead to another server by then.
Load balancers forget idle connections after 4 minutes or more."""


class Connections:
    """SQLAlchemy's pool, and those of its connections that wait for the next unit of work without
    going back to it, which saves 45 of 80 µs.

    `take`, `give_back` and `close` are called in a greenlet of SQLAlchemy's.
    """

    def __init__(self, servers: Servers, pool: PoolOptions) -> None:
        self._servers = servers
        self._engine = create_engine(
            "postgresql+asyncpg://",
            isolation_level="AUTOCOMMIT",  # what needs a transaction asks for it
            **ENGINE_OPTIONS,
            pool_size=pool.size,
            max_overflow=0,
            pool_timeout=pool.timeout,
            pool_recycle=MAX_AGE,
            connect_args={"async_creator_fn": servers.connect}
            | options(pool, timeout=pool.statement_timeout),
        )
        event.listen(self._engine, "handle_error", hide_values_of)
        event.listen(self._engine, "handle_error", self._drop_if_broken)
        event.listen(self._engine, "checkout", self._replace_if_outdated)
        self._statements = Statements(self._engine.dialect)
        self._idle: list[PostgresConnection] = []
        self._asking = 0
        """The units that wait for the pool. Meanwhile connections go back to it."""

    def take(self, kind: Kind) -> Connection:
        """Wait for a connection that can be used. Raises what SQLAlchemy's pool does."""
        if self._asking:  # the one that was just given back is another unit's
            await_only(asyncio.sleep(0))
        if kind != "write" and (idle := self._take_idle()):
            return idle
        if self._idle:  # the pool may have no other
            self._idle.pop().close()
        self._asking += 1
        try:
            if kind == "write":
                return self._engine.connect()
            return PostgresConnection(self._engine, self._statements, self._servers)
        finally:
            self._asking -= 1

    def _take_idle(self) -> PostgresConnection | None:
        while self._idle:
            connection = self._idle.pop()
            driver = connection.driver
            if self._servers.age(driver) < MAX_AGE and self._servers.can_use(driver):
                connection.begin_unit()
                return connection
            connection.close()  # the pool replaces it
        return None

    def give_back(self, connection: Connection) -> None:
        is_clean = not (
            connection.closed
            or connection.invalidated
            or connection.in_transaction()
            or connection.get_execution_options() != self._engine.get_execution_options()
        )
        if isinstance(connection, PostgresConnection) and is_clean and not self._asking:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()

    def terminate(self) -> None:
        """Cut all connections, without waiting for a server."""
        self._engine.dispose(close=False)
        self._servers.terminate()

    def _drop_if_broken(self, context: ExceptionContext) -> None:
        """Have SQLAlchemy drop the connection from its pool where the driver doesn't tell."""
        error, connection = context.original_exception, context.connection
        if connection is None or connection.invalidated:
            return
        driver = connection.connection.driver_connection
        if isinstance(driver, asyncpg.Connection):
            context.is_disconnect |= self._servers.note_error(driver, error)
            context.invalidate_pool_on_disconnect = False  # can_use knows which it concerns

    def _replace_if_outdated(
        self, _: Any, record: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        driver = record.driver_connection
        if isinstance(driver, asyncpg.Connection) and not self._servers.can_use(driver):
            raise DisconnectionError  # the pool replaces it
