"""What users sign in with. To change it takes the current password, or the operator."""

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
from storage.errors import VersionConflict


class CredentialChanges(TypedDict, total=False):
    """What users decide about how they sign in, as far as it changes."""

    email: str
    password_hash: str


CREDENTIALS = select(users.c.id, users.c.email_key, users.c.password_hash).where(
    users.c.id == bindparam("user_id")
)


def get_credentials(connection: Connection, viewer: Viewer) -> Row[UUID, str | None, str | None]:
    """The viewer's `id`, `email_key` and `password_hash`; None for those whom an outside identity
    provider signs in."""
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
    """Set the viewer's `changes`, if `known_hash` is still what is kept of their password: it took
    a while to verify. This ends every session but `session_id`.

    Raises WrongPassword, VersionConflict and EmailTaken.
    """
    values: dict[str, object] = {**changes}
    if "email" in changes:
        values["email_key"] = email_key(changes["email"])
    knows = users.c.password_hash == known_hash
    try:
        row = write_user(connection, viewer.user_id, values, precondition, knows)
    except IntegrityError as error:  # no constraint but that one can be in the way
        raise EmailTaken from error
    if row is None:
        raise_wrong_password_or_conflict(connection, viewer, known_hash)
    end = END_ALL if session_id is None else END_OTHERS
    connection.execute(end, {"user_id": viewer.user_id, "session_id": session_id})
    return row


def raise_wrong_password_or_conflict(
    connection: Connection, viewer: Viewer, known_hash: str
) -> NoReturn:
    """Raise why a write that needs `known_hash` met no row: WrongPassword or VersionConflict."""
    same = get_credentials(connection, viewer).password_hash == known_hash
    raise VersionConflict if same else WrongPassword


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
