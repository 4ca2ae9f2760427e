"""Writes of one statement, which need no transaction around it (PostgreSQL)."""

import re
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultExecutionContext

LOCKS = re.compile(r" FOR (NO KEY )?(KEY )?(UPDATE|SHARE)\b")
CHANGE = "change"


class NeedsTransaction(Exception):
    """Raised before a statement that needs one, while nothing has been changed."""


class Change:
    """That of one unit of work. `cursor`: of the statement, once that is sent."""

    cursor: Any = None


class SingleStatement:
    """Keeps units of work on `engine` to one statement that changes something.

    Raises NeedsTransaction in place of a lock, which would end with its statement, and of another
    change where the first has met no row; else RuntimeError.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.engine, "before_cursor_execute", self._guard)

    def begin(self, connection: Connection) -> Change:
        """Start a unit of work."""
        change = connection.info[CHANGE] = Change()
        return change

    def _guard(
        self,
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: DefaultExecutionContext,
        executemany: bool,
    ) -> None:
        changes = context.isinsert or context.isupdate or context.isdelete
        if not changes and not LOCKS.search(statement):
            return
        change = connection.info[CHANGE]
        if change.cursor is not None and change.cursor.rowcount != 0:
            raise RuntimeError(f"a second change without a transaction: {statement}")
        if change.cursor is not None or not changes:
            raise NeedsTransaction
        change.cursor = cursor
