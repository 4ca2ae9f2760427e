"""The parameter `caller` of a view: the client that sent the request."""

from collections.abc import Callable
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

from flask import request

from api.http import paging
from api.http.paging import PageOf
from api.http.providers import Provider
from api.observability import audit
from api.runtime.services import service
from openapi.operation import Access
from storage import Database, DatabaseUnavailable
from storage.accounts import users
from storage.accounts.admission import Credentials, Identity, Session, admit, is_deleted_account
from storage.collections.collection import Collection
from storage.collections.lists import Row
from storage.collections.viewers import Viewer
from storage.engines.database import Kind
from storage.errors import NotAdmin, SignedOut, UnknownIdentity

database = service(Database)

P = ParamSpec("P")
T = TypeVar("T")


class Caller:
    """Runs units of work for the client that sent the request, if it may call the operation.

    A function gets the connection and the viewer first: `await caller.read(ORDERS.get, order_id)`
    calls `ORDERS.get(connection, viewer, order_id)`.
    """

    provider: ClassVar = Provider(
        lambda inputs: inputs.caller, errors=(DatabaseUnavailable,), identifies=True
    )

    def __init__(self, credentials: Credentials | None, access: Access) -> None:
        self.credentials = credentials
        self.viewer: Viewer | None = None
        """Known once the first unit of work has looked it up; no view may answer before."""
        self._admins_only = access is Access.ADMINS

    @property
    def user_id(self) -> UUID | None:
        """None without an account. Before the viewer is known, what one of our own tokens says."""
        if self.viewer is None:
            return self.credentials.user_id if isinstance(self.credentials, Session) else None
        return self.viewer.user_id

    @property
    def session_id(self) -> UUID | None:
        """None unless the request belongs to one of our own sessions."""
        return self.credentials.id if isinstance(self.credentials, Session) else None

    async def read(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like Database.read. Also raises SignedOut and NotAdmin."""
        return await self.run("read", function, *args, **kwargs)

    async def write(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like Database.write. Also raises SignedOut and NotAdmin."""
        return await self.run("write", function, *args, **kwargs)

    async def page(self, collection: Collection, query: dict[str, Any]) -> PageOf:
        """The page of a list that `query` asks for. Raises InvalidRequest for a cursor of another
        list."""
        after = paging.decode(query)
        page = await self.read(collection.page, query, limit=query["limit"], after=after)
        counts = query["include_total"]
        total = await self.read(collection.count, query) if counts else (None, None)
        return PageOf(page.rows, paging.encode(page.next, query), *total)

    async def get(self, collection: Collection, row_id: UUID) -> Row:
        return await self.read(collection.get, row_id)

    async def admit(self) -> None:
        """Look up whether the client may call the operation. Raises SignedOut and NotAdmin."""
        await self.read(lambda connection, viewer: None)

    async def run(
        self,
        kind: Kind,
        function: Callable[Concatenate[Any, Viewer, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like Database's method for the kind. Also raises SignedOut and NotAdmin."""

        def unit_of_work(connection: Any) -> T:
            viewer = admit(connection, self.credentials, admins_only=self._admins_only)
            self.viewer = viewer
            try:
                return function(connection, viewer, *args, **kwargs)
            except Exception as error:
                if is_deleted_account(error):
                    raise SignedOut from error
                raise

        try:
            return await database.run(kind, unit_of_work)
        except UnknownIdentity:
            await self._enrol()
            return await database.run(kind, unit_of_work)
        except NotAdmin as error:
            operation_id = (request.endpoint or "").rpartition(".")[2]
            audit.record("admin_refused", user_id=error.user_id, operation=operation_id)
            raise

    async def _enrol(self) -> None:
        """Create the user that the identity provider has signed in for the first time."""
        issuer, subject = cast(Identity, self.credentials)
        user = await database.write(users.enrol_user, issuer, subject)
        if user is not None:
            audit.record("user_registered", user_id=user.id)
