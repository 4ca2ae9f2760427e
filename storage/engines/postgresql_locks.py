"""The locks that a migration takes on PostgreSQL, and what it waits for.

A migration that waits for a table makes every later statement on this table wait behind it. So it
waits for less than a request's statement may take, and is undone; then it tries again.
"""

from sqlalchemy import Connection, text

MIGRATION_LOCK = 0x6974656D73
"""The key of the advisory lock that one migrating process holds; any number of our own."""

LOCK_NOT_AVAILABLE = "55P03"
LOCK_TIMEOUT_MS = 500

PATIENCE = 600
"""Seconds for which a migration tries to get its locks."""

PAUSE = 1
"""Seconds between two attempts, in which the requests go on that waited behind it."""

# The lock's timeout doesn't say which lock it was. A transaction that was in the way has been open
# for as long; the times of another user's transactions are hidden from an ordinary user.
PARAMETERS = {"milliseconds": LOCK_TIMEOUT_MS, "migration_lock": MIGRATION_LOCK}
HOLDERS = text("""
    SELECT pid, format(
        '%s (process %s of %s, %s, in a transaction since %s), which holds %s',
        coalesce(nullif(application_name, ''), 'a client'), pid, coalesce(usename, 'unknown'),
        coalesce(state, 'state hidden'), coalesce(xact_start::text, 'a hidden time'),
        string_agg(DISTINCT coalesce(relname, 'the lock of migrations'), ', ')
    ) AS description
    FROM pg_locks JOIN pg_stat_activity USING (pid) LEFT JOIN pg_class ON pg_class.oid = relation
    WHERE granted AND pid <> pg_backend_pid() AND datname = current_database()
    AND (
        relkind = 'r' AND relnamespace = current_schema()::regnamespace
        OR locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = :migration_lock
    )
    AND coalesce(xact_start < clock_timestamp() - :milliseconds * interval '1 ms', true)
    GROUP BY pid, usename, application_name, state, xact_start
    ORDER BY xact_start
""")


def lock(connection: Connection) -> None:
    """Let no statement wait long for another migration or for a table."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")


def holders(connection: Connection) -> dict[int, str]:
    """Return the transactions that may have been in the way: process ids and descriptions."""
    found = connection.execute(HOLDERS, PARAMETERS)
    return {row.pid: row.description for row in found}
