"""Units of work: plain functions over a Connection, which each engine runs in its own way. Code
outside storage/engines does not depend on the engine."""

from __future__ import annotations  # or those of inner functions are made for each request

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar

from sqlalchemy import Connection

from storage.engines import revisions

P = ParamSpec("P")
T = TypeVar("T")

Kind = Literal["read", "write", "statement"]
"""How a unit of work is run: see the methods of Database for each."""

Observer = Callable[[Kind, float, float | None], None]
"""Called at the end of each unit of work, with the seconds that it waited, for a thread or a
connection, and the seconds that it ran; None if it never ran, because its caller has left or
because it had waited too long."""


def ignore(kind: Kind, waited: float, ran: float | None) -> None:
    """Observe nothing."""


class Unit:
    """One unit of work, as a context manager of the caller that waits for it. The engine sets
    `began`, and `ended` if it knows that before the caller goes on."""

    def __init__(self, observer: Observer, kind: Kind) -> None:
        self._observer, self._kind = observer, kind
        self.began: float | None = None
        self.ended: float | None = None
        self._asked = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        began, ended = self.began, self.ended or perf_counter()
        waited = (began or ended) - self._asked
        self._observer(self._kind, waited, None if began is None else ended - began)


class DatabaseUnavailable(Exception):
    """The database can't be reached, is locked by another process, too slow or can't write."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database can be read, but a write isn't possible, or would be lost."""


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """`timeout` and `statement_timeout` are in seconds. `pgbouncer`: connections go through
    PgBouncer in transaction mode."""

    size: int = 10
    timeout: float = 1
    statement_timeout: float = 1
    pgbouncer: bool = False


class Database(ABC):
    """The connections, for the life of the application.

    As a context manager it brings the database up to date, or checks that it is, and closes it
    at the end. If it isn't entered (plain WSGI), the first unit of work does the former.
    """

    def __init__(self, *, auto_migrate: bool, observer: Observer) -> None:
        self._observer = observer
        self._auto_migrate = auto_migrate
        self._prepared = False

    async def run(self, kind: Kind, unit_of_work: Callable[[Connection], T]) -> T:
        """Run `unit_of_work` as the method for this kind does."""
        if not self._prepared:
            await self._prepare()
        return await self._run(kind, unit_of_work)

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)`, which only reads.

        Raises what it raises, and DatabaseUnavailable.
        """
        return await self.run("read", _bound(function, args, kwargs))

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` as one transaction, committed when it returns.

        Raises what it raises, after rolling back, and DatabaseUnavailable. The function may run
        again, on a new connection, if the first one breaks before the commit.
        """
        return await self.run("write", _bound(function, args, kwargs))

    async def write_statement(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `write`, for a function that changes the database in one statement, without a lock.

        Where BEGIN and COMMIT are round trips, on PostgreSQL, that statement is sent without them.
        A function that turns out to need a transaction before it has changed anything runs again as
        a `write`. After the change nothing is rolled back: what the function raises then leaves it
        in place, and another change is refused with a RuntimeError. On SQLite this is a `write`.
        """
        return await self.run("statement", _bound(function, args, kwargs))

    async def administer(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `write`, at any revision of the database: for storage.engines.revisions.

        A lock lets one process in at a time. If another lock is taken, the function is rolled back
        and runs again later.
        """
        return await self._administer(_bound(function, args, kwargs))

    async def __aenter__(self) -> Self:
        try:
            await self._prepare()
        except BaseException:
            await self.close()  # __aexit__ isn't called
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _prepare(self) -> None:
        try:
            await self._run("read", revisions.check)
        except revisions.DatabaseBehind:
            if not self._auto_migrate:
                raise
            await self.administer(revisions.upgrade)
            await self._run("read", revisions.check)
        self._prepared = True

    @abstractmethod
    async def check_writable(self) -> None:
        """Raise DatabaseReadOnly where a write would, without writing and without waiting for a
        lock."""

    @abstractmethod
    async def close(self) -> None:
        """Wait for what is running, then close every connection."""

    @abstractmethod
    async def _run(self, kind: Kind, unit_of_work: Callable[[Connection], T]) -> T: ...

    @abstractmethod
    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T: ...


def _bound(
    function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[Connection], T]:
    if args or kwargs:
        return lambda connection: function(connection, *args, **kwargs)
    return function
