"""Why nobody is let in: to an account, or in OAuth's terms (RFC 6749 §5.2) to a session."""

from collections.abc import Iterable

from werkzeug.exceptions import BadRequest


class RegistrationClosed(Exception):
    """Accounts are not for everybody to make."""


class InvalidTokenRequest(BadRequest):
    """`errors`: what is wrong, each with `detail` and a place in the request."""

    def __init__(self, errors: Iterable[dict[str, str]]) -> None:
        super().__init__()
        self.errors = list(errors)


class UnsupportedGrantType(Exception):
    """There is no such grant, or not here."""


class InvalidGrant(Exception):
    """The password or the token is none, or none any more. `detail` says so to the client."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
