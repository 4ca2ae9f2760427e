"""Writes of one statement, which need no transaction around it (PostgreSQL)."""

from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable


class NeedsTransaction(Exception):
    """Raised before a statement that needs one, while nothing has been changed."""


class SingleStatement(Connection):
    """Executes one statement that changes something, after reads at most.

    Raises NeedsTransaction in place of a lock, which would end with its statement, and of another
    change where the first has met no row; else RuntimeError. An event of SQLAlchemy's could do
    this, but once there is one, each statement of the engine takes a hundred calls more.
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

    def _need_transaction(self, statement: Executable) -> None:
        if self.sent and (self._changed is None or self._changed.rowcount != 0):
            raise RuntimeError(f"a second change without a transaction: {statement}")
        raise NeedsTransaction
