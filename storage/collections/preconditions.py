"""Writes that happen only to the version that the caller has seen."""

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, bindparam, true

from storage.collections.viewers import Owned, S, Viewer
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


class Guarded(Generic[S]):
    """A write to rows that have an owner and a version, made once for each kind of viewer and each
    form of precondition: to make it takes as long as to execute it."""

    def __init__(self, owned: Owned[S], version: Column[Any]) -> None:
        self._owned: Owned[S] = owned
        self._version = version
        self._made: dict[tuple[bool, bool, bool], S] = {}

    def by(self, viewer: Viewer, precondition: Precondition) -> S:
        """To be executed with the `parameters` of both."""
        form = viewer.sees_all, precondition.only is not None, bool(precondition.never)
        statement = self._made.get(form)
        if statement is None:
            guard = precondition.holds_for(self._version)
            statement = self._made[form] = self._owned.by(viewer).where(guard)
        return statement
