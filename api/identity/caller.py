"""The caller of an operation, as views use it."""

from __future__ import annotations  # or those of inner functions are made for each request

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

from flask import request
from werkzeug.exceptions import Unauthorized

from api.config.settings import Settings
from api.identity.provider import IdentityProvider
from api.identity.tokens import AccessTokens, InvalidToken
from api.observability import audit
from api.runtime.services import current_services, service
from openapi.operation import Access
from storage import Database
from storage.accounts import users
from storage.accounts.admission import Credentials, Identity, Session, admitted
from storage.collections.viewers import Viewer
from storage.errors import NotAdmin, UnknownIdentity

database = service(Database)
settings = service(Settings)
tokens = service(AccessTokens)

LONGEST = 8192
"""The maximum number of characters of an Authorization header."""

P = ParamSpec("P")
T = TypeVar("T")


class Caller:
    """Runs units of work for the caller, if the caller may call the operation.

    The function's second argument is the viewer: `await caller.read(stored.get_item, id)` calls
    `get_item(connection, viewer, id)`.
    """

    def __init__(self, credentials: Credentials | None, access: Access) -> None:
        self.credentials = credentials
        self.viewer: Viewer | None = None
        """The caller as storage sees it; None until the first unit of work."""
        self._admins_only = access is Access.ADMINS

    @property
    def admitted(self) -> bool:
        """Whether the caller has been checked; a view that never does so must not respond."""
        return self.viewer is not None

    @property
    def user_id(self) -> UUID | None:
        """The caller's user id, or None without an account. Before the first unit of work it is
        known only from our own tokens."""
        if self.viewer is None:
            return self.credentials.user_id if isinstance(self.credentials, Session) else None
        return self.viewer.user_id

    @property
    def session_id(self) -> UUID | None:
        """The id of the request's session, or None if it has none of our own."""
        return self.credentials.id if isinstance(self.credentials, Session) else None

    async def read(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function` with Database.read. Raises SignedOut and NotAdmin too."""
        unit_of_work = self._admitted(function)
        return await self._known(lambda: database.read(unit_of_work, *args, **kwargs))

    async def write(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function` with Database.write. Raises SignedOut and NotAdmin too."""
        unit_of_work = self._admitted(function)
        return await self._known(lambda: database.write(unit_of_work, *args, **kwargs))

    async def admit(self) -> None:
        """Check only whether the caller may call the operation. Raises SignedOut and NotAdmin."""
        await self.read(lambda connection, viewer: None)

    async def _known(self, run: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `run`; if the caller has no user yet, create it first."""
        try:
            return await run()
        except UnknownIdentity:
            await self._enrol()
            return await run()
        except NotAdmin as error:
            audit.record("admin_refused", user_id=error.user_id, operation=_operation_id())
            raise

    async def _enrol(self) -> None:
        """Create the user of an identity that the provider has signed in for the first time."""
        issuer, subject = cast(Identity, self.credentials)
        user = await database.write(users.enrol_user, issuer, subject)
        if user is not None:
            audit.record("user_registered", user_id=user.id)

    def _admitted(
        self, function: Callable[Concatenate[Any, Viewer, P], T]
    ) -> Callable[Concatenate[Any, P], T]:
        def known(connection: Any, viewer: Viewer, /, *args: P.args, **kwargs: P.kwargs) -> T:
            self.viewer = viewer
            return function(connection, viewer, *args, **kwargs)

        return admitted(self.credentials, self._admins_only, known)


def _operation_id() -> str:
    return (request.endpoint or "").rpartition(".")[2]


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
