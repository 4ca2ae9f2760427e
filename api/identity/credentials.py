"""The credentials in a request: its access token, verified."""

from flask import request
from werkzeug.exceptions import Unauthorized

from api.config.settings import Settings
from api.identity.provider import IdentityProvider
from api.identity.tokens import AccessTokens, InvalidToken
from api.runtime.services import current_services, service
from openapi.operation import Access
from storage.accounts.admission import Credentials

settings = service(Settings)
tokens = service(AccessTokens)

LONGEST = 8192
"""The maximum number of characters of an Authorization header."""


async def find_credentials(access: Access) -> Credentials | None:
    """Return the credentials of the request, if the operation's access needs them.

    Raises Unauthorized if a token is required and missing, InvalidToken and ProviderUnavailable.
    """
    if access is Access.PUBLIC:
        return None
    header = request.headers.get("Authorization")
    if header is None:
        if access is Access.OWNERS and not settings.auth_required:
            return None
        raise Unauthorized
    if len(header) > LONGEST:
        raise InvalidToken
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return await _verified(token.strip())


async def _verified(token: str) -> Credentials:
    provider = current_services().get(IdentityProvider)
    if provider is None or tokens.is_ours(token):
        return tokens.verify(token)
    return await provider.verify(token)
