"""The errors of registration, and those of OAuth 2.0's token requests (RFC 6749 §5.2)."""


class RegistrationClosed(Exception):
    """The settings don't let people create their own accounts."""


class UnsupportedGrantType(Exception):
    """The service doesn't support this `grant_type`."""


class InvalidGrant(Exception):
    """The password or the token is invalid or no longer valid; `detail` is for the client."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
