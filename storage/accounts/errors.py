"""Errors of accounts."""

from storage.errors import FieldError, not_found

UserNotFound = not_found("user")
SessionNotFound = not_found("session")


class EmailTaken(Exception):
    """Another user has this email address."""


class LastAdmin(Exception):
    """Without this user there would be no active admin."""


class WrongPassword(FieldError):
    """The password is not, or no longer, that of this user."""

    def __init__(self) -> None:
        super().__init__("current_password", "Incorrect password.")


class UserOwnsRows(Exception):
    """The user owns rows that are deleted only on request."""
