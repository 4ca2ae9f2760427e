"""Which of PostgreSQL's errors are about the server or the connection, not the statement."""

import asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

READ_ONLY = "25006"
"""The SQLSTATE of a write on a server that has become a standby, or is read-only otherwise."""

NO_RIGHT = "42501"
"""The SQLSTATE of a statement for which the role has no right."""

BROKEN = ("08", "25P03", "57P")
"""Starts of the SQLSTATEs after which a connection is gone or about to be."""

OUT_OF_ORDER = ("08", "25P03", "40", "53", "55", "57", "58", "XX")
"""Starts of the SQLSTATEs that speak of the server, not of the statement: connection, rollback,
resources, locks, intervention, system."""


ASYNCPG_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def hide_values(error: BaseException | None) -> None:
    """Remove from one of asyncpg's errors the values, which would be in each log of it: "Key
    (email_key)=(…) already exists", "invalid input syntax for type integer: …"."""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None
    if isinstance(error, asyncpg.DataError):
        error.args = (str(error.args[0]).partition(":")[0],)


def hide_values_of(context: ExceptionContext) -> None:
    """The same for an error that SQLAlchemy is about to raise, with copies of asyncpg's message."""
    error = context.original_exception
    hide_values(error.__cause__)
    if isinstance(error.__cause__, asyncpg.DataError):
        for copy in filter(None, (error, context.sqlalchemy_exception)):
            copy.args = error.__cause__.args


def is_passing(error: Exception) -> bool:
    """Whether it can't happen again on a new connection, or with a statement prepared anew."""
    if not isinstance(error, DBAPIError):
        return False
    orig, cause = error.orig, getattr(error.orig, "__cause__", None)
    outdated = any(isinstance(e, asyncpg.InvalidCachedStatementError) for e in (orig, cause))
    return error.connection_invalidated or outdated  # by a migration that ran meanwhile


def is_out_of_order(error: DBAPIError) -> bool:
    """Whether it is the server's state, not the statement, that is in the way."""
    state = sqlstate(error.orig)
    return error.connection_invalidated or state.startswith((READ_ONLY, NO_RIGHT, *OUT_OF_ORDER))


def sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
