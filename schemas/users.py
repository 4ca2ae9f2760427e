"""Users: their accounts and roles."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.decorators import validates_schema

from schemas.base import InputSchema, MergePatch
from schemas.emails import Email
from schemas.fields import Choice, StrictBoolean, about
from schemas.pages import Page, entries_of
from schemas.passwords import (
    EXAMPLE,
    MAX_LENGTH,
    MIN_LENGTH,
    Password,
    error_in_password,
    reject_guessable,
)
from schemas.queries import QueryFlag
from schemas.resource import Resource

EMAIL = about(
    "The address to sign in with. Surrounding blanks are removed. It is unique: "
    "addresses that differ only in case are the same.",
    "ada@example.com",
)
PASSWORD = about(
    "12 to 128 characters of any kind, counted in Unicode's form C; a sentence is a "
    "good choice. Common passwords, repetitions, sequences and your email address are rejected.",
    EXAMPLE,
)
CURRENT_PASSWORD = about("Your current password.", EXAMPLE)
ACTIVE = about("Whether the user may sign in and use tokens.", True)


def new_password(**options: Any) -> Password:
    return Password(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        validate=[reject_guessable],
        metadata=PASSWORD,
        **options,
    )


def existing_password() -> Password:
    return Password(required=True, min_length=1, max_length=MAX_LENGTH, metadata=CURRENT_PASSWORD)


class UserRole(Choice):
    """What a user may do: an `admin` sees the data of all users and manages users."""

    choices = ("user", "admin")


class SignInChange(InputSchema):
    """Sets an address, a password or both."""

    @validates_schema(skip_on_field_errors=True)
    def not_the_address(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise ValidationError if the password can be guessed from the email address."""
        if {"email", "password"} <= data.keys():
            error = error_in_password(data["password"], [data["email"]])
            if error is not None:
                raise ValidationError({"password": [error]})


class UserInput(SignInChange):
    """The account that a new user registers."""

    email = Email(required=True, metadata=EMAIL)
    password = new_password(required=True)


class UserPatch(MergePatch):
    """Only the fields to change. They have no defaults, so null is not allowed."""

    example: ClassVar = {"role": "admin"}

    role = UserRole()
    active = StrictBoolean(metadata=ACTIVE)


class CurrentUserPatch(SignInChange, MergePatch):
    """The current password and only the fields to change; null is not allowed."""

    json_schema: ClassVar = {"minProperties": 2}
    example: ClassVar = {"email": "ada@example.com", "current_password": EXAMPLE}

    email = Email(metadata=EMAIL)
    password = new_password()
    current_password = existing_password()

    @validates_schema(skip_on_field_errors=True)
    def at_least_one_field(self, data: Mapping[str, Any], **_: Any) -> None:
        super().at_least_one_field(data.keys() - {"current_password"})


class CurrentUserDeletion(InputSchema):
    """The current password, as proof that it is the user who deletes the account."""

    current_password = existing_password()


class User(Resource):
    """A user, as the user and admins see it."""

    personal = True

    version = fields.Integer(
        metadata=about(
            "Starts at 1; each write adds 1. The ETag is the id, a hyphen and this "
            "number, in quotes.",
            1,
        )
    )
    email = fields.String(
        allow_none=True,
        metadata=about(
            "The address to sign in with; null if the user signs in at another identity provider.",
            "ada@example.com",
        ),
    )
    role = UserRole()
    active = fields.Boolean(metadata=ACTIVE)


class UserPage(Page):
    """One page of a list of users."""

    users = entries_of(User, "The users of this page, newest first.")


class UserDeletionQuery(InputSchema):
    """What to do with the data of the user."""

    delete_owned = QueryFlag(
        load_default=False,
        metadata=about(
            "Whether to delete the data that the user owns too. Without it, a user "
            "that owns data is not deleted.",
            False,
        ),
    )
