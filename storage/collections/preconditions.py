"""Writes that happen only to the version that the caller has seen."""

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Delete, Select, Table, Update, bindparam, true

from storage.collections.viewers import Viewer
from storage.errors import PreconditionMissing, VersionConflict


class Version(NamedTuple):
    """A version of a row, as an ETag names it. `row_id`: the row's, where its ETags name that."""

    number: int
    row_id: UUID | None = None


class Precondition(NamedTuple):
    """Which versions a write may meet. `only`: one of these; `never`: none of those. Otherwise the
    write raises `error`."""

    only: frozenset[Version] | None = None
    never: frozenset[Version] = frozenset()
    error: type[Exception] = VersionConflict

    def holds_for(self, version: Column[Any]) -> ColumnElement[bool]:
        """As part of a WHERE clause, so that the check and the write are one statement; to be
        executed with the `parameters`."""
        condition: ColumnElement[bool] = true()
        if self.only is not None:
            condition &= version.in_(bindparam("_only", expanding=True))
        if self.never:
            condition &= version.not_in(bindparam("_never", expanding=True))
        return condition

    def parameters(self, row_id: UUID | None = None) -> dict[str, Any]:
        """Those for the row `row_id`, if its ETags name it; versions of other rows don't count."""
        only = {} if self.only is None else {"_only": numbers_of(self.only, row_id)}
        never = {"_never": numbers_of(self.never, row_id)} if self.never else {}
        return only | never


def numbers_of(versions: Iterable[Version], row_id: UUID | None) -> list[int]:
    return [version.number for version in versions if version.row_id == row_id]


ANY_VERSION = Precondition()
MISSING = Precondition(only=frozenset(), error=PreconditionMissing)
"""No version meets it: a write needs a precondition and has none."""


S = TypeVar("S", Select[Any], Update, Delete)


class Guarded(Generic[S]):
    """A statement over rows that have an owner and a version, made once for each kind of viewer and
    each form of precondition: to make it takes as long as to execute it."""

    def __init__(self, statement: S, table: Table) -> None:
        self._statement: S = statement
        self._columns = table.c
        self._made: dict[tuple[bool, bool, bool], S] = {}

    def by(self, viewer: Viewer, precondition: Precondition = ANY_VERSION) -> S:
        """To be executed with the `parameters` of both."""
        form = viewer.sees_all, precondition.only is not None, bool(precondition.never)
        statement = self._made.get(form)
        if statement is None:
            is_owned = viewer.owns(self._columns.owner_id)
            guard = precondition.holds_for(self._columns.version)
            statement = self._made[form] = self._statement.where(is_owned, guard)
        return statement
