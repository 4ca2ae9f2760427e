"""Users in the database."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn, TypedDict
from unicodedata import normalize
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, Uuid, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.accounts.errors import EmailTaken, LastAdmin, UserNotFound
from storage.accounts.sessions import END_ALL
from storage.accounts.tables import ADMIN, PUBLIC, USER, users
from storage.collections.matching import NEWEST_FIRST
from storage.collections.orders import Bound, ByColumns, Page, Position
from storage.collections.preconditions import ANY_VERSION, Precondition
from storage.collections.viewers import OPERATOR, Viewer
from storage.column_types import Later, UtcDateTime
from storage.errors import NotAdmin

UserRow = Row[Any]


class UserChanges(TypedDict, total=False):
    """The changes that an admin makes to a user."""

    role: str
    active: bool


BY_ID = users.c.id == bindparam("user_id")

# A conflict is no error, so that PostgreSQL's transaction goes on.
INSERT: dict[str, Any] = {
    "sqlite": sqlite_insert(users).on_conflict_do_nothing().returning(*PUBLIC),
    "postgresql": postgresql_insert(users).on_conflict_do_nothing().returning(*PUBLIC),
}
SELECT = select(*PUBLIC).where(BY_ID)
WITH_HASH = [*PUBLIC, users.c.password_hash]
BY_EMAIL = select(*WITH_HASH).where(users.c.email_key == bindparam("key"))
BY_CREATION = ByColumns(users.c.created_at, users.c.id)
LIST = select(*PUBLIC).order_by(*BY_CREATION.order(NEWEST_FIRST)).limit(bindparam("_limit"))
AFTER = Bound(
    above=False, value=bindparam("value", type_=UtcDateTime), id=bindparam("id", type_=Uuid)
)
LIST_AFTER = LIST.where(*BY_CREATION.conditions([AFTER]))
UPDATE = update(users).where(BY_ID)
NOW = Later(users.c.updated_at, bindparam("now", type_=UtcDateTime))
# Lock in id order to avoid deadlocks. Inserts that only reference an admin don't wait.
ACTIVE_ADMINS = (
    select(users.c.id)
    .where(users.c.role == ADMIN, users.c.active)
    .order_by(users.c.id)
    .with_for_update(key_share=True)
)


def email_key(email: str) -> str:
    """Return what all spellings of an address have in common: compatibility forms, case and blanks
    at its ends don't count (the compatibility caseless match of Unicode, D146).

    In a domain, ß differs from ss, and a final sigma from another sigma (IDNA 2008: RFC 5892 §2.6);
    a label may be an A-label, and an ideographic full stop is a dot.
    """
    local, at, domain = normalize("NFKC", email.strip()).rpartition("@")
    domain = ".".join(map(_label_key, domain.replace("\u3002", ".").split(".")))
    return normalize("NFKC", local.casefold() + at + domain)


def _label_key(label: str) -> str:
    letters = label.replace("ẞ", "ß")
    key = "".join(letter if letter in "ßς" else letter.casefold() for letter in letters)
    if key.startswith("xn--"):
        with suppress(UnicodeError):
            decoded = key[4:].encode("ascii").decode("punycode")
            # Others are no A-labels, and could be longer than their column.
            if decoded.isprintable() and normalize("NFKC", _label_key(decoded)) == decoded:
                return decoded
    return key


def create_user(
    connection: Connection, *, email: str, password_hash: str, role: str = USER
) -> UserRow:
    """Raises EmailTaken."""
    row = _insert(
        connection,
        email=email,
        email_key=email_key(email),
        password_hash=password_hash,
        role=role,
    )
    if row is None:
        raise EmailTaken
    return row


def enrol_user(connection: Connection, issuer: str, subject: str) -> UserRow | None:
    """Create the user that an outside identity provider knows by this subject; None if another
    request just did."""
    return _insert(connection, issuer=issuer, subject=subject, role=USER)


def _insert(connection: Connection, **values: Any) -> UserRow | None:
    now = datetime.now(UTC)
    row = {"id": uuid4(), "active": True, "created_at": now, "updated_at": now, "version": 1}
    inserted: UserRow | None = connection.execute(
        INSERT[connection.dialect.name], {**values, **row}
    ).one_or_none()
    return inserted


def find_by_email(connection: Connection, email: str) -> UserRow | None:
    """The user with this address, however it is spelt; `password_hash` is among the columns."""
    return connection.execute(BY_EMAIL, {"key": email_key(email)}).one_or_none()


def get_user(connection: Connection, _viewer: Viewer, user_id: UUID) -> UserRow:
    """Raises UserNotFound."""
    row = connection.execute(SELECT, {"user_id": user_id}).one_or_none()
    if row is None:
        raise UserNotFound
    return row


def get_current_user(connection: Connection, viewer: Viewer) -> UserRow:
    """The viewer must have an account."""
    return connection.execute(SELECT, {"user_id": viewer.user_id}).one()


def list_users(
    connection: Connection, _viewer: Viewer, *, limit: int, after: Position | None
) -> Page:
    """At most `limit` users after `after`, newest first."""
    statement, position = (LIST, {}) if after is None else (LIST_AFTER, after._asdict())
    rows = connection.execute(statement, {"_limit": limit + 1, **position}).all()
    return Page.of(rows, limit, NEWEST_FIRST)


def update_user(
    connection: Connection,
    viewer: Viewer,
    user_id: UUID,
    changes: UserChanges,
    precondition: Precondition = ANY_VERSION,
) -> UserRow:
    """Set `changes` and add one to the version; deactivating a user ends all their sessions.

    Raises UserNotFound, VersionConflict, LastAdmin and NotAdmin.
    """
    deactivates = changes.get("active") is False
    if deactivates or changes.get("role") == USER:
        keep_an_admin(connection, viewer, user_id)
    row = write_user(connection, user_id, changes, precondition)
    if row is None:
        raise_not_found_or_conflict(connection, viewer, user_id, precondition)
    if deactivates:
        connection.execute(END_ALL, {"user_id": user_id})
    return row


def deactivate_user(connection: Connection, email: str) -> UserRow:
    """For the operator: close the account with this address, and end its sessions.

    Raises UserNotFound and LastAdmin.
    """
    row = find_by_email(connection, email)
    if row is None:
        raise UserNotFound
    return update_user(connection, OPERATOR, row.id, {"active": False})


def write_user(
    connection: Connection,
    user_id: UUID | None,
    changes: Mapping[str, Any],
    precondition: Precondition,
    *conditions: ColumnElement[bool],
) -> UserRow | None:
    """Set `changes` and add one to the version; None if no user meets the conditions."""
    statement = (
        UPDATE.where(precondition.holds_for(users.c.version), *conditions)
        .values(version=users.c.version + 1, updated_at=NOW, **changes)
        .returning(*PUBLIC)
    )
    params = {"user_id": user_id, "now": datetime.now(UTC), **precondition.parameters(user_id)}
    return connection.execute(statement, params).one_or_none()


def keep_an_admin(connection: Connection, viewer: Viewer, user_id: UUID) -> None:
    """Lock the active admins until the transaction ends, so that one of two admins who remove each
    other at once remains.

    Raises LastAdmin if `user_id` is the only one, and NotAdmin if the viewer is no longer an admin.
    """
    admins = set(connection.execute(ACTIVE_ADMINS).scalars())
    if viewer != OPERATOR and viewer.user_id not in admins:
        raise NotAdmin(viewer.user_id)
    if admins == {user_id}:
        raise LastAdmin


def raise_not_found_or_conflict(
    connection: Connection, viewer: Viewer, user_id: UUID, precondition: Precondition
) -> NoReturn:
    """Raise the reason why a write found no row: UserNotFound, otherwise the precondition's."""
    get_user(connection, viewer, user_id)
    raise precondition.error
