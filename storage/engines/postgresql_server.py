"""The PostgreSQL servers that a URL leads to, and the way to the one that can be used."""

import select
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import asyncpg

from storage.engines import postgresql_url
from storage.engines.database import DatabaseUnavailable, PoolOptions
from storage.engines.postgresql_errors import BROKEN, READ_ONLY, sqlstate

AsyncpgConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_TIMEOUT = 1
"""Seconds until a server that doesn't answer counts as gone, unless the URL has a connect_timeout;
when closing, too."""

GRACE = 0.25
"""Seconds that the server has beyond a statement's deadline to say that it is over."""

READ_ONLY_AGE = 1
"""Seconds that a connection must have been open to be dropped for it. The address of a younger one
has just led to this server, and a new connection would only cost time."""

READ_ONLY_SETTINGS = ("in_hot_standby", "default_transaction_read_only")

CLOSED: int = getattr(select, "POLLRDHUP", 0)  # macOS has POLLHUP alone, which always counts

ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ValueError,
)


class Servers:
    """The hosts of `url`, and the connections that were made to them."""

    def __init__(self, url: str) -> None:
        self._address = postgresql_url.parse(url)
        self._hosts = list(self._address.hosts)
        self._opened: WeakKeyDictionary[AsyncpgConnection, float] = WeakKeyDictionary()
        self._lost_at = 0.0

    async def connect(self, **options: Any) -> AsyncpgConnection:
        """Connect to the first host that can be used, beginning with the one that was used last.

        Raises DatabaseUnavailable.
        """
        options |= self._address.options
        options["timeout"] = self._address.timeout or CONNECT_TIMEOUT
        for host in tuple(self._hosts):
            try:
                # asyncpg reads the rest of the URL itself.
                connection: AsyncpgConnection = await asyncpg.connect(
                    self._address.url, **host, **options
                )
            except ERRORS as error:
                cause = error
                continue
            self._hosts.remove(host)
            self._hosts.insert(0, host)
            self._opened[connection] = monotonic()
            return connection
        raise DatabaseUnavailable(f"can't connect to PostgreSQL: {reason(cause)}") from cause

    def is_read_only(self, connection: AsyncpgConnection) -> bool:
        """Return what the server has said last, without asking it (PostgreSQL 14 and later)."""
        settings = connection.get_settings()
        return any(getattr(settings, name, "off") == "on" for name in READ_ONLY_SETTINGS)

    def has_left(self, connection: AsyncpgConnection) -> bool:
        """Return whether the server has closed the connection, even if the loop hasn't read that
        yet."""
        if connection.is_closed():
            return True
        socket = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # there is no public way to it
        if socket is None or socket.fileno() < 0:  # its end is known, but not yet to asyncpg
            return True
        poll = select.poll()
        poll.register(socket, CLOSED)
        return bool(poll.poll(0))

    def age(self, connection: AsyncpgConnection) -> float:
        """Return for how many seconds it has been open; it must be one of `connect`'s."""
        return monotonic() - self._opened[connection]

    def can_use(self, connection: AsyncpgConnection) -> bool:
        """Return whether its server is still there, and the one that should be used. Reads alone
        would never notice that the address leads to another server."""
        if self._opened[connection] <= self._lost_at or self.has_left(connection):
            return False
        return not self.is_read_only(connection) or self.age(connection) < READ_ONLY_AGE

    def note_error(self, connection: AsyncpgConnection, error: BaseException) -> bool:
        """Return whether the connection can't be used after `error`; can_use() then refuses those
        that were opened before as well, unless this one alone was slow or cut."""
        if isinstance(error, OSError):
            # To roll back, or to end politely, would be to wait for a server that doesn't answer.
            connection.terminate()
            return True
        state = sqlstate(error)
        if state == READ_ONLY:
            is_lost = self.age(connection) >= READ_ONLY_AGE
        else:
            is_lost = state.startswith(BROKEN) or connection.is_closed()
        if is_lost:
            self._lost_at = monotonic()
        return is_lost

    def terminate(self) -> None:
        """Cut all connections, without waiting for a server."""
        for connection in self._opened:
            connection.terminate()


def options(pool: PoolOptions, *, timeout: float | None) -> dict[str, Any]:
    """asyncpg's options, and those of SQLAlchemy's adapter to it."""
    settings: dict[str, str] = {}
    given: dict[str, Any] = {
        "command_timeout": None if timeout is None else timeout + GRACE,
        "server_settings": settings,
    }
    if pool.pgbouncer:
        # It passes no other settings on, and a statement with a name would meet another's.
        return given | {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
        }
    # Plans for any value cost 50 to 140 times as much where a few values are common.
    settings["plan_cache_mode"] = "force_custom_plan"
    if timeout is not None:
        settings["statement_timeout"] = str(int(timeout * 1000))
        settings["idle_in_transaction_session_timeout"] = "10000"
    return given


def reason(error: BaseException) -> str:
    """Return what the log says of `error`."""
    if isinstance(error, TimeoutError):
        return "the server doesn't answer"
    return " ".join(str(getattr(error, "orig", error)).splitlines())
