"""A collection: the rows of one table, created, read, changed, deleted and listed for a viewer.

    ORDERS = Collection(
        orders,
        OrderNotFound,
        sorts=("created_at", "due_on"),
        filters={"status": OneOf("status"), "due_before": Before("due_on")},
        relations={"customer_id": CUSTOMERS},
    )

The table begins with tables.resource_columns. docs/adding-a-resource.md builds one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from sqlite3 import SQLITE_CONSTRAINT_UNIQUE
from typing import NoReturn
from uuid import UUID, uuid4

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from storage.collections.creation import Creation
from storage.collections.declaration import check_declaration, missing_indexes
from storage.collections.filters import Filter
from storage.collections.lists import Lists, Query, Row
from storage.collections.preconditions import ANY_VERSION, Guarded, Precondition
from storage.collections.tables import initial_of, rules_of, unique_of
from storage.collections.viewers import Viewer
from storage.column_types import Later, UtcDateTime
from storage.engines.database import Kind
from storage.errors import AlreadyExists, NotFound, RelatedRowNotFound, RuleBroken, StillReferenced

DELETED_AT_ONCE = 1000
"""The maximum number of rows that one transaction deletes with their owner: about 0.15 s on a busy
machine, so other writes don't wait long and no statement times out."""


class OwnerDeletion(Enum):
    """What happens to the rows of a deleted user."""

    RESTRICT = "restrict"
    """The user isn't deleted while they own rows, unless the request asks to delete these too."""
    CASCADE = "cascade"
    """They are deleted with the user."""


class Collection(Lists):
    """What every resource's table gets by declaration.

    Raises TypeError, and so stops the start, where something can't be declared so.
    """

    def __init__(
        self,
        table: Table,
        not_found: type[NotFound],
        *,
        sorts: Sequence[str] = ("created_at",),
        filters: Mapping[str, Filter] | None = None,
        relations: "Mapping[str, Collection] | None" = None,
        owner_deletion: OwnerDeletion = OwnerDeletion.RESTRICT,
    ) -> None:
        self.not_found, self.owner_deletion = not_found, owner_deletion
        self.relations = dict(relations or {})
        targets = {name: target.table for name, target in self.relations.items()}
        check_declaration(table, sorts, filters or {}, targets)
        super().__init__(table, sorts, filters or {})
        by_id = table.c.id == bindparam("_row_id")
        self.initial = initial_of(self.columns)
        self._creation = Creation(table, self.columns)
        self._select = Guarded(select(*self.columns).where(by_id), table)
        # The related row must not be deleted while a row that refers to it is written.
        lock = select(table.c.id).where(by_id).with_for_update(read=True, key_share=True)
        self._lock = Guarded(lock, table)
        now = Later(table.c.updated_at, bindparam("_now", type_=UtcDateTime))
        change = update(table).where(by_id).values(version=table.c.version + 1, updated_at=now)
        self._update = Guarded(change.returning(*self.columns), table)
        self._delete = Guarded(delete(table).where(by_id), table)
        self.unique = unique_of(table)
        self.rules = rules_of(table)
        COLLECTIONS.append(self)

    def missing_indexes(self) -> list[str]:
        """The lines to add below the table, one for each index that the declaration needs."""
        sorts = [sort for sort in self.sorts if not sort.startswith("-")]
        return missing_indexes(self.table, sorts, self.filters, self.relations)

    def kind_of_write(self, values: Query) -> Kind:
        """How to run a write of `values`: a "statement" unless it locks a related row first."""
        related = any(values.get(name) is not None for name in self.relations)
        return "write" if related else "statement"

    def create(
        self, connection: Connection, viewer: Viewer, values: Query, *, quota: int | None = None
    ) -> Row:
        """Create a row owned by the viewer, who may own `quota` rows; None: any number.

        Raises QuotaExceeded, RelatedRowNotFound, RuleBroken and AlreadyExists.
        """
        if self.relations:
            self._related(connection, viewer, values)
        row = {**self.initial, **values, **self._texts.words_of(values)}
        row |= {"id": uuid4(), "version": 1}
        try:
            return self._creation.insert(connection, row, viewer.user_id, quota)
        except IntegrityError as error:
            raise self._translated(error) from None

    def get(self, connection: Connection, viewer: Viewer, row_id: UUID) -> Row:
        """Return a row that the viewer may see. Raises the collection's NotFound."""
        params = {"_row_id": row_id, **viewer.parameters}
        row = connection.execute(self._select.by(viewer), params).one_or_none()
        if row is None:
            raise self.not_found
        return row

    def update(
        self,
        connection: Connection,
        viewer: Viewer,
        row_id: UUID,
        changes: Query,
        precondition: Precondition = ANY_VERSION,
    ) -> Row:
        """Set `changes`, which may be all values, and add one to the version.

        Raises the collection's NotFound, VersionConflict, RelatedRowNotFound, RuleBroken and
        AlreadyExists.
        """
        if self.relations:
            changes = self._related(connection, viewer, changes, row_id)
        params = {"_row_id": row_id, **viewer.parameters, **precondition.parameters()}
        values = {**changes, **self._texts.words_of(changes), "_now": datetime.now(UTC)}
        statement = self._update.by(viewer, precondition)
        try:
            row = connection.execute(statement, {**params, **values}).one_or_none()
        except IntegrityError as error:
            raise self._translated(error) from None
        return row or self._raise_not_found_or_conflict(connection, viewer, row_id, precondition)

    def delete(
        self,
        connection: Connection,
        viewer: Viewer,
        row_id: UUID,
        precondition: Precondition = ANY_VERSION,
    ) -> None:
        """Delete a row. Raises the collection's NotFound, VersionConflict and StillReferenced."""
        params = {"_row_id": row_id, **viewer.parameters, **precondition.parameters()}
        try:
            deleted = connection.execute(self._delete.by(viewer, precondition), params).rowcount
        except IntegrityError:
            raise self._still_referenced() from None
        if deleted == 0:
            self._raise_not_found_or_conflict(connection, viewer, row_id, precondition)

    def owner_has_rows(self, connection: Connection, user_id: UUID) -> bool:
        return bool(self.page(connection, Viewer.owner(user_id), {}, limit=1).rows)

    def delete_rows_of(self, connection: Connection, user_id: UUID) -> None:
        """Delete at most DELETED_AT_ONCE rows of this user. Raises StillReferenced."""
        page = self.page(connection, Viewer.owner(user_id), {}, limit=DELETED_AT_ONCE)
        these = self.table.c.id.in_([row.id for row in page.rows])
        try:
            connection.execute(delete(self.table).where(these))
        except IntegrityError:
            raise self._still_referenced() from None

    def _still_referenced(self) -> StillReferenced:
        others = [other for other in COLLECTIONS if self in other.relations.values()]
        return StillReferenced([other.table.name for other in others])

    def _translated(self, error: IntegrityError) -> Exception:
        """AlreadyExists or RuleBroken if the error means that; otherwise the error itself."""
        if _is_about_uniqueness(error):
            # SQLite names the columns, PostgreSQL the constraint.
            named = re.findall(r"\w\.(\w+)", str(error.orig))
            names = self.unique.get(_constraint_of(error), named)
            return AlreadyExists([n for n in names if n in self.table.c and n != "owner_id"])
        rule = self.rules.get(_constraint_of(error))
        return error if rule is None else RuleBroken(*rule)

    def _related(
        self, connection: Connection, viewer: Viewer, values: Query, row_id: UUID | None = None
    ) -> Query:
        """Lock the related rows. Return `values` without the relations that the row has already,
        because an admin has set them, and that lead to rows which the viewer may not see."""
        unseen = set()
        for name, collection in self.relations.items():
            value = values.get(name)
            if value is None or collection._locks(connection, viewer, value):
                continue
            if row_id is None or getattr(self.get(connection, viewer, row_id), name) != value:
                raise RelatedRowNotFound(name)
            unseen.add(name)
        return {name: value for name, value in values.items() if name not in unseen}

    def _locks(self, connection: Connection, viewer: Viewer, row_id: UUID) -> bool:
        """Whether the viewer has such a row; it stays until the transaction ends."""
        params = {"_row_id": row_id, **viewer.parameters}
        return connection.execute(self._lock.by(viewer), params).one_or_none() is not None

    def _raise_not_found_or_conflict(
        self, connection: Connection, viewer: Viewer, row_id: UUID, precondition: Precondition
    ) -> NoReturn:
        """Raise the reason why a write found no row: NotFound, otherwise the precondition's."""
        self.get(connection, viewer, row_id)
        raise precondition.error


COLLECTIONS: list[Collection] = []
"""The collections of all imported resources; each comes after those that its relations name."""


UNIQUE_VIOLATION = "23505"
BROKEN_ON_SQLITE = "CHECK constraint failed: "


def _is_about_uniqueness(error: IntegrityError) -> bool:
    on_postgresql = getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION
    on_sqlite = getattr(error.orig, "sqlite_errorcode", None) == SQLITE_CONSTRAINT_UNIQUE
    return on_postgresql or on_sqlite


def _constraint_of(error: IntegrityError) -> str:
    """The name of the violated constraint; empty if the database doesn't give it."""
    on_postgresql = getattr(error.driver_exception, "constraint_name", None)
    return on_postgresql or str(error.orig).partition(BROKEN_ON_SQLITE)[2]
