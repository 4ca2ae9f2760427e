"""The credentials in a request: its access token, verified."""

from flask import request
from werkzeug.exceptions import Unauthorized

from api.config.settings import Settings
from api.identity.errors import InvalidToken
from api.identity.refresh_tokens import PREFIX
from api.identity.tokens import AccessTokens, TokenVerifier
from api.runtime.async_flask import this_app
from api.runtime.services import service
from openapi.operation import Access
from storage.accounts.admission import Credentials

settings = service(Settings)
tokens = service(AccessTokens)

MAX_LENGTH = 8192
"""The maximum number of characters of an Authorization header."""
CORRECT = "send it as Authorization: Bearer <access token>."


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
    return await _verified(_token_in(header))


def _token_in(header: str) -> str:
    """Return the access token. Raises Unauthorized and InvalidToken, which say what is wrong with
    the header, without a part of it: it may be a secret."""
    if len(header) > MAX_LENGTH:
        raise InvalidToken(f"The Authorization header has more than {MAX_LENGTH} characters.")
    scheme, blank, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        wrong = "has another scheme than Bearer" if blank else "doesn't begin with a scheme"
        raise Unauthorized(f"The Authorization header {wrong}: {CORRECT}")
    token = token.strip()
    if not token:
        raise InvalidToken(f"The Authorization header has no token after Bearer: {CORRECT}")
    if " " in token:
        raise InvalidToken(f"The Authorization header has a blank in its token: {CORRECT}")
    if token.startswith(PREFIX):
        raise InvalidToken("This is a refresh token: /api/auth/token gives an access token for it.")
    if token.count(".") != 2:  # such as `undefined`, from an app that hasn't got a token yet
        raise InvalidToken(f"The Authorization header has no access token after Bearer: {CORRECT}")
    return token


async def _verified(token: str) -> Credentials:
    provider: TokenVerifier | None = this_app().services.get(TokenVerifier)
    if provider is None or tokens.is_ours(token):
        return tokens.verify(token)
    return await provider.verify(token)
