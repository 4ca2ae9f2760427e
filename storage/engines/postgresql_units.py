"""How a unit of work runs on a connection to PostgreSQL: reading, in a transaction, or with one
statement that needs no transaction around it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import asyncpg
from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from storage.engines.database import DatabaseUnavailable, Kind
from storage.engines.postgresql_errors import ASYNCPG_ERRORS, READ_ONLY, hide_values, sqlstate
from storage.engines.postgresql_server import AsyncpgConnection, Servers
from storage.engines.statements import (
    DirectConnection,
    DirectStatement,
    Returned,
    Statements,
    error_of,
)

T = TypeVar("T")


class NeedsTransaction(Exception):
    """Raised before a statement that needs one, while nothing has been changed."""


class PostgresConnection(DirectConnection):
    """Reads, and executes one statement that changes something, without a transaction.

    `execute` raises NeedsTransaction for a SELECT that locks rows, because the lock would end with
    the statement, and for a second change if the first one has met no row. After a change that has
    met one it raises RuntimeError.
    """

    def __init__(self, engine: Engine, statements: Statements, servers: Servers) -> None:
        super().__init__(engine, statements)
        self._servers = servers
        self.begin_unit()

    def begin_unit(self) -> None:
        """Forget what the unit of work before has changed."""
        self.sent = False
        """Whether the change has been sent."""
        self._changed: CursorResult[Any] | None = None

    def execute(self, statement: Executable, *args: Any, **options: Any) -> CursorResult[Any]:
        if not statement.is_dml:
            if getattr(statement, "_for_update_arg", None) is not None:
                self._need_transaction(statement)
            return super().execute(statement, *args, **options)
        if self.sent:
            self._need_transaction(statement)
        self.sent = True
        self._changed = super().execute(statement, *args, **options)
        return self._changed

    def send(self, direct: DirectStatement, arguments: list[Any]) -> Returned:
        driver = self.driver
        try:
            if direct.returns_rows:
                return direct.returned(await_only(driver.fetch(direct.sql, *arguments)))
            status = await_only(driver.execute(direct.sql, *arguments))
            return direct.returned((), int(status.rpartition(" ")[2]))
        except ASYNCPG_ERRORS as error:
            hide_values(error)
            is_lost = self._servers.note_error(driver, error)
            if is_lost:
                self.invalidate(error)
            violations = asyncpg.IntegrityConstraintViolationError
            raise error_of(error, violations, is_lost=is_lost) from error
        except BaseException as error:
            # Without an Exception, the answer is still on its way.
            if not isinstance(error, Exception) or self._servers.note_error(driver, error):
                self.invalidate(error)
            raise

    @property
    def driver(self) -> AsyncpgConnection:
        return cast(AsyncpgConnection, self.connection.driver_connection)

    @property
    def changed(self) -> bool:
        return self._changed is not None and self._changed.rowcount != 0

    def _need_transaction(self, statement: Executable) -> None:
        if self.sent and (self._changed is None or self.changed):
            raise RuntimeError(f"a second change without a transaction: {statement}")
        raise NeedsTransaction


def read(connection: Connection, unit_of_work: Callable[[Connection], T]) -> T:
    return unit_of_work(connection)


def write(connection: Connection, unit_of_work: Callable[[Connection], T]) -> T:
    result = unit_of_work(connection.execution_options(isolation_level="READ COMMITTED"))
    try:
        connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            # It may have been committed: the function must not run again.
            raise DatabaseUnavailable(f"lost during a commit: {error.orig}") from error
        raise
    return result


def write_statement(connection: PostgresConnection, unit_of_work: Callable[[Connection], T]) -> T:
    try:
        return unit_of_work(connection)
    except DBAPIError as error:
        is_lost = connection.sent and error.connection_invalidated
        is_refused = sqlstate(error.orig) == READ_ONLY
        if connection.changed or (is_lost and not is_refused):
            # It may have been carried out: the function must not run again.
            raise DatabaseUnavailable(f"lost during a write: {error.orig}") from error
        raise


RUNS: dict[Kind, Callable[[Any, Callable[[Connection], Any]], Any]] = {
    "read": read,
    "write": write,
    "statement": write_statement,
}
