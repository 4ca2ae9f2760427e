"""The errors of tokens, passwords and registration."""


class RegistrationClosed(Exception):
    """The settings don't let people create their own accounts."""


class UnsupportedGrantType(Exception):
    """The service doesn't support this `grant_type` (RFC 6749 §5.2)."""


class InvalidGrant(Exception):
    """The password or the token is invalid or no longer valid; `detail` is for the client."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidToken(Exception):
    """A token that was not issued for this service or is no longer valid. `detail` is for the
    client; empty if there is no more to say than that."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class ProviderUnavailable(Exception):
    """The identity provider's keys can't be fetched."""


class PasswordsBusy(Exception):
    """More passwords are waiting than can be hashed in about a second."""
