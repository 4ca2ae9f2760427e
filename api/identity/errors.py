"""The errors of registration, and those of OAuth 2.0's token requests (RFC 6749 §5.2)."""

from collections.abc import Iterable

from werkzeug.exceptions import BadRequest


class RegistrationClosed(Exception):
    """The settings don't let people create their own accounts."""


class InvalidTokenRequest(BadRequest):
    """`errors`: what is wrong, each with `detail` and a place in the request."""

    def __init__(self, errors: Iterable[dict[str, str]]) -> None:
        super().__init__()
        self.errors = list(errors)


class UnsupportedGrantType(Exception):
    """The service doesn't support this `grant_type`."""


class InvalidGrant(Exception):
    """The password or the token is invalid or no longer valid; `detail` is for the client."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
