"""Writes of one statement, which need no transaction around it (PostgreSQL)."""

from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable


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
        self.execution_options(isolation_level="AUTOCOMMIT")

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
        """Whether the change has been carried out."""
        return self._changed is not None and self._changed.rowcount != 0

    def _need_transaction(self, statement: Executable) -> None:
        if self.sent and (self._changed is None or self.changed):
            raise RuntimeError(f"a second change without a transaction: {statement}")
        raise NeedsTransaction
