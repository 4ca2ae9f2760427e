"""The one who sent the request, as a view meets them."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from flask import request
from werkzeug.exceptions import Unauthorized

from api.context import database, settings, tokens
from openapi.operation import Access
from storage.admission import Credentials, Session, admitted
from storage.viewers import Viewer

P = ParamSpec("P")
T = TypeVar("T")


class Caller:
    """Runs units of work for whoever sent the request, if the operation is theirs to call.

    The function gets the viewer behind the connection: `await caller.read(stored.get_item, id)`
    calls `get_item(connection, viewer, id)`.
    """

    def __init__(self, credentials: Credentials | None, access: Access) -> None:
        self.credentials = credentials
        self.viewer: Viewer | None = None
        """Who it is, once that has been asked."""
        self._admins_only = access is Access.ADMINS

    @property
    def admitted(self) -> bool:
        """Whether it has been asked who this is; a view that never did must not answer."""
        return self.viewer is not None

    @property
    def user_id(self) -> UUID | None:
        """None before that, and without an account."""
        return self.viewer.user_id if self.viewer else None

    @property
    def session_id(self) -> UUID | None:
        """None unless it is one of our own sessions that the request belongs to."""
        return self.credentials.id if isinstance(self.credentials, Session) else None

    async def read(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like Database.read. Raises SignedOut and NotAdmin too."""
        return await database.read(self._admitted(function), *args, **kwargs)

    async def write(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like Database.write. Raises SignedOut and NotAdmin too."""
        return await database.write(self._admitted(function), *args, **kwargs)

    def _admitted(
        self, function: Callable[Concatenate[Any, Viewer, P], T]
    ) -> Callable[Concatenate[Any, P], T]:
        def known(connection: Any, viewer: Viewer, /, *args: P.args, **kwargs: P.kwargs) -> T:
            self.viewer = viewer
            return function(connection, viewer, *args, **kwargs)

        return admitted(self.credentials, self._admins_only, known)


async def find_caller(access: Access) -> Caller:
    """Who sent the request, as far as its operation asks.

    Raises Unauthorized where a token is needed and there is none, and InvalidToken.
    """
    return Caller(await _credentials(access), access)


async def _credentials(access: Access) -> Credentials | None:
    if access is Access.EVERYONE:
        return None
    header = request.headers.get("Authorization")
    if header is None:
        if access is Access.OWNERS and not settings.auth_required:
            return None
        raise Unauthorized
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return tokens.verify(token.strip())
