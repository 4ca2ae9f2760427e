"""Deleting users, with all that belongs to them."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from storage.accounts.credentials import raise_wrong_password_or_conflict
from storage.accounts.errors import UserOwnsRows
from storage.accounts.tables import users
from storage.accounts.users import BY_ID, keep_an_admin, raise_not_found_or_conflict
from storage.collections.collection import COLLECTIONS, OwnerDeletion
from storage.collections.preconditions import ANY_VERSION, Precondition
from storage.collections.viewers import OPERATOR, Viewer
from storage.errors import StillReferenced
from storage.idempotency import delete_responses_of

LOCK = select(users.c.id).where(BY_ID).with_for_update()
DELETE = delete(users).where(BY_ID)


def delete_user(
    connection: Connection,
    viewer: Viewer,
    user_id: UUID,
    precondition: Precondition = ANY_VERSION,
    *,
    delete_owned: bool = False,
) -> bool:
    """Delete a user with their sessions, their stored responses and, if asked, the rows they own.
    Return False if rows are left; then call it again.

    Raises UserNotFound, VersionConflict, LastAdmin, NotAdmin, StillReferenced and, unless asked,
    UserOwnsRows.
    """
    keep_an_admin(connection, viewer, user_id)
    if not _lock(connection, user_id, precondition):
        raise_not_found_or_conflict(connection, viewer, user_id, precondition)
    return _delete(connection, user_id, delete_owned=delete_owned)


def delete_current_user(
    connection: Connection,
    viewer: Viewer,
    precondition: Precondition = ANY_VERSION,
    *,
    known_hash: str,
    delete_owned: bool = False,
) -> bool:
    """The same for the viewer, if `known_hash` is still the hash of their password.

    Raises WrongPassword too, but neither UserNotFound nor NotAdmin.
    """
    user_id = cast(UUID, viewer.user_id)
    # Another admin may have made this user the only one, so this check also applies to non-admins.
    keep_an_admin(connection, OPERATOR, user_id)
    if not _lock(connection, user_id, precondition, users.c.password_hash == known_hash):
        raise_wrong_password_or_conflict(connection, viewer, known_hash, precondition)
    return _delete(connection, user_id, delete_owned=delete_owned)


def _lock(
    connection: Connection,
    user_id: UUID,
    precondition: Precondition,
    *conditions: ColumnElement[bool],
) -> bool:
    """Lock a user that meets the conditions, so that no more rows can be created for it."""
    statement = LOCK.where(precondition.holds_for(users.c.version), *conditions)
    parameters: dict[str, Any] = {"user_id": user_id, **precondition.parameters(user_id)}
    return connection.execute(statement, parameters).one_or_none() is not None


def _delete(connection: Connection, user_id: UUID, *, delete_owned: bool) -> bool:
    if not delete_owned:
        for collection in COLLECTIONS:
            restricts = collection.owner_deletion is OwnerDeletion.RESTRICT
            if restricts and collection.owner_has_rows(connection, user_id):
                raise UserOwnsRows
    _require_no_references(connection, user_id)
    # Rows that refer to others are deleted before these.
    for collection in reversed(COLLECTIONS):
        collection.delete_rows_of(connection, user_id)
        if collection.owner_has_rows(connection, user_id):
            return False
    if not delete_responses_of(connection, user_id):
        return False
    connection.execute(DELETE, {"user_id": user_id})
    return True


def _require_no_references(connection: Connection, user_id: UUID) -> None:
    """Raise StillReferenced, before any row is deleted, if a row of another owner or of none refers
    to one of the user's: an admin may have created it."""
    for collection in COLLECTIONS:
        for name, target in collection.relations.items():
            row, related = collection.table.c, target.table.c
            refers = exists().where(
                row[name] == related.id,
                related.owner_id == user_id,
                row.owner_id.is_distinct_from(user_id),
            )
            if connection.execute(select(refers)).scalar_one():
                raise StillReferenced([collection.table.name])
