"""Writes that happen only to the version that the caller has seen."""

from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, true


class Precondition(NamedTuple):
    """Which versions a write may meet. `only`: one of these; `never`: none of those."""

    only: frozenset[int] | None = None
    never: frozenset[int] = frozenset()

    def holds_for(self, version: Column[Any]) -> ColumnElement[bool]:
        """As part of a WHERE clause, so that the check and the write are one statement."""
        condition: ColumnElement[bool] = true()
        if self.only is not None:
            condition &= version.in_(self.only)
        if self.never:
            condition &= version.not_in(self.never)
        return condition


ANY_VERSION = Precondition()
