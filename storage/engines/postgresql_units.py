"""How a unit of work runs on a connection to PostgreSQL: reading, in a transaction, or with one
statement that needs no transaction around it."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError

from storage.engines.database import DatabaseUnavailable, Kind
from storage.engines.postgresql_errors import READ_ONLY, sqlstate

T = TypeVar("T")


class NeedsTransaction(Exception):
    """Raised before a statement that needs one, while nothing has been changed."""


class SingleStatement(Connection):
    """Executes one statement of SQLAlchemy Core that changes something, besides reads.

    `execute` raises NeedsTransaction for a SELECT that locks rows, because the lock would end with
    the statement, and for a second change if the first one has met no row. After a change that has
    met one it raises RuntimeError. An event of SQLAlchemy's could do this too, but once there is
    one, each statement of the engine takes a hundred calls more.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
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


def write_statement(connection: SingleStatement, unit_of_work: Callable[[Connection], T]) -> T:
    try:
        return unit_of_work(connection)
    except DBAPIError as error:
        is_lost = connection.sent and error.connection_invalidated
        is_refused = sqlstate(error.orig) == READ_ONLY
        if connection.changed or (is_lost and not is_refused):
            # It may have been carried out: the function must not run again.
            raise DatabaseUnavailable(f"lost during a write: {error.orig}") from error
        raise


RUNS: dict[Kind, tuple[type[Connection], Callable[[Any, Callable[[Connection], Any]], Any]]] = {
    "read": (Connection, read),
    "write": (Connection, write),
    "statement": (SingleStatement, write_statement),
}
"""The class of the connection for each kind of unit, and the function that runs the unit on it."""
