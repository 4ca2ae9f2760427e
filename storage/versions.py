"""Writes that happen only to the version that the caller has seen."""

from typing import Any, Generic, NamedTuple

from sqlalchemy import Column, ColumnElement, bindparam, true

from storage.viewers import Owned, S, Viewer


class Precondition(NamedTuple):
    """Which versions a write may meet. `only`: one of these; `never`: none of those."""

    only: frozenset[int] | None = None
    never: frozenset[int] = frozenset()

    def holds_for(self, version: Column[Any]) -> ColumnElement[bool]:
        """As part of a WHERE clause, so that the check and the write are one statement; to be
        executed with the `parameters`."""
        condition: ColumnElement[bool] = true()
        if self.only is not None:
            condition &= version.in_(bindparam("only", expanding=True))
        if self.never:
            condition &= version.not_in(bindparam("never", expanding=True))
        return condition

    @property
    def parameters(self) -> dict[str, Any]:
        only = {} if self.only is None else {"only": [*self.only]}
        never = {"never": [*self.never]} if self.never else {}
        return only | never


ANY_VERSION = Precondition()


class Guarded(Generic[S]):
    """A write to rows that have an owner and a version, made once for each kind of viewer and each
    form of precondition: to make it takes as long as to execute it."""

    def __init__(self, owned: Owned[S], version: Column[Any]) -> None:
        self._owned: Owned[S] = owned
        self._version = version
        self._made: dict[tuple[bool, bool, bool], S] = {}

    def by(self, viewer: Viewer, precondition: Precondition) -> S:
        """To be executed with the `parameters` of both."""
        only, never = precondition
        form = viewer.sees_all, only is not None, bool(never)
        statement = self._made.get(form)
        if statement is None:
            guard = precondition.holds_for(self._version)
            statement = self._made[form] = self._owned.by(viewer).where(guard)
        return statement
