"""What users sign in with. Changing it requires the current password, or the operator."""

from typing import NoReturn, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.exc import IntegrityError

from storage.accounts.errors import EmailTaken, UserNotFound, WrongPassword
from storage.accounts.sessions import END_ALL, END_OTHERS
from storage.accounts.tables import users
from storage.accounts.users import UserRow, email_key, find_by_email, write_user
from storage.collections.preconditions import ANY_VERSION, Precondition
from storage.collections.viewers import Viewer


class CredentialChanges(TypedDict, total=False):
    """The changes of a user's email address and password."""

    email: str
    password_hash: str


CredentialsRow = Row[UUID, str | None, str | None]
"""`id`, `email_key` and `password_hash`; the others are None for users of an outside identity
provider."""

CREDENTIALS = select(users.c.id, users.c.email_key, users.c.password_hash).where(
    users.c.id == bindparam("user_id")
)


def get_credentials(connection: Connection, viewer: Viewer) -> CredentialsRow:
    return connection.execute(CREDENTIALS, {"user_id": viewer.user_id}).one()


def update_credentials(
    connection: Connection,
    viewer: Viewer,
    changes: CredentialChanges,
    precondition: Precondition = ANY_VERSION,
    *,
    known_hash: str,
    session_id: UUID | None,
) -> UserRow:
    """Set the viewer's `changes`, if `known_hash` is still the hash of their password; it may have
    changed while it was verified. This ends every session but `session_id`.

    Raises WrongPassword, VersionConflict and EmailTaken.
    """
    values: dict[str, object] = {**changes}
    if "email" in changes:
        values["email_key"] = email_key(changes["email"])
    knows = users.c.password_hash == known_hash
    try:
        row = write_user(connection, viewer.user_id, values, precondition, knows)
    except IntegrityError as error:  # email_key is the only unique column that changes
        raise EmailTaken from error
    if row is None:
        raise_wrong_password_or_conflict(connection, viewer, known_hash, precondition)
    end = END_ALL if session_id is None else END_OTHERS
    connection.execute(end, {"user_id": viewer.user_id, "session_id": session_id})
    return row


def raise_wrong_password_or_conflict(
    connection: Connection, viewer: Viewer, known_hash: str, precondition: Precondition
) -> NoReturn:
    """Raise the reason why a write that needs `known_hash` found no row."""
    same = get_credentials(connection, viewer).password_hash == known_hash
    raise precondition.error if same else WrongPassword


def set_password(connection: Connection, email: str, password_hash: str) -> UserRow:
    """For the operator: replace the password of the user with this address, and end all sessions.

    Raises UserNotFound.
    """
    found = find_by_email(connection, email)
    row = found and write_user(connection, found.id, {"password_hash": password_hash}, ANY_VERSION)
    if row is None:
        raise UserNotFound
    connection.execute(END_ALL, {"user_id": row.id})
    return row
