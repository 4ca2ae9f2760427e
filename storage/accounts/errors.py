"""Errors of accounts."""

from storage.errors import not_found

UserNotFound = not_found("user")
SessionNotFound = not_found("session")


class EmailTaken(Exception):
    """Another user has this email address."""


class LastAdmin(Exception):
    """Without this user there would be no active admin."""


class WrongPassword(Exception):
    """The password is not, or no longer, that of this user."""


class UserOwnsRows(Exception):
    """The user owns rows that are deleted only on request."""
