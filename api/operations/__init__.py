"""The declaration on a view, and what it does: validate, call, serialize.

    @orders.patch("/<id:order_id>")
    @operation(collection=ORDERS, body=OrderPatch, returns=Order, access=Access.OWNERS)
    async def update_order(
        order_id: UUID, body: Body[dict[str, Any]], if_match: IfMatch, write: IdempotentWrite
    ) -> Row | Answer: ...

A view's parameters are variables of the path, or annotated with a Provider (api/http/providers.py).
`returns` serializes what the view returns. The document is made from the same declaration.
"""

from collections.abc import Callable, Sequence
from inspect import signature

from werkzeug import exceptions as http

from api.http.collections import check_query, errors_of_collection
from api.http.deprecation import announcing
from api.http.errors import InvalidRequest
from api.http.headers import derived
from api.http.preconditions import IF_MATCH, IF_NONE_MATCH
from api.http.providers import Provider, providers_of
from api.identity.errors import InvalidToken, ProviderUnavailable
from api.limiting.errors import RateLimited, RedisUnavailable
from api.operations.endpoint import Endpoint
from api.problems import as_oauth, problem_of
from openapi.operation import Access, Limit, Operation, ResponseHeader, View
from schemas.base import InputSchema, OutputSchema
from schemas.deprecation import Deprecation
from storage.collections.collection import Collection
from storage.errors import NotAdmin, VersionConflict

OF_EVERY_OPERATION = (Exception, http.MisdirectedRequest)
SIGN_IN: tuple[type[Exception], ...] = (http.Unauthorized, InvalidToken, ProviderUnavailable)
ERRORS_OF_ACCESS: dict[Access, tuple[type[Exception], ...]] = {
    Access.PUBLIC: (),
    Access.OWNERS: SIGN_IN,
    Access.USERS: SIGN_IN,
    Access.ADMINS: (*SIGN_IN, NotAdmin),
}
ERRORS_OF_LIMIT: dict[Limit, tuple[type[Exception], ...]] = {
    Limit.NONE: (),
    Limit.GENERAL: (RateLimited,),
    Limit.LOGIN: (RateLimited, RedisUnavailable),
    Limit.REFRESH: (RateLimited,),
    Limit.REGISTRATION: (RateLimited, RedisUnavailable),
}


def operation(  # noqa: PLR0913  # declarations, each by its name
    *,
    collection: Collection | None = None,
    query: type[InputSchema] | None = None,
    body: type[InputSchema] | None = None,
    returns: type[OutputSchema] | None = None,
    status: int = 200,
    headers: Sequence[ResponseHeader] = (),
    raises: Sequence[type[Exception]] = (),
    access: Access = Access.PUBLIC,
    limit: Limit = Limit.GENERAL,
    guard: Callable[[], None] | None = None,
    oauth: bool = False,
    deprecated: Deprecation | None = None,
) -> Callable[[View], Endpoint]:
    """Declare what a view takes, what it returns and which errors it raises.

    What follows from the rest is not declared: ETag where `returns` has a version, Location where
    a row of `collection` is created, Link with a page, Accept-Patch with a merge patch, and the
    errors of the parameters' providers, of the access, of the limit and of `collection`. Reads that
    return an ETag answer 304 when If-None-Match matches, 412 when If-Match doesn't. `guard` is
    called before the body is read, and may raise. The errors of an `oauth` operation have OAuth's
    form and codes. `deprecated` marks the operation in the document and adds the headers that
    announce its end.

    Raises TypeError where the view's parameters or the collection don't match the declaration.
    """

    def declare(view: View) -> Endpoint:
        providers = providers_of(view)
        _check(view, providers, query=query, body=body, access=access)
        path_variables = set(signature(view).parameters) - set(providers)
        writes = any(provider.writes for provider in providers.values())
        creates = collection is not None and status == 201
        sent = (*derived(returns, body, access, creates=creates), *headers)
        if deprecated is not None:
            sent = announcing(deprecated, sent)
        conditional = not writes and any(header.name == "ETag" for header in sent)
        errors = [
            InvalidRequest,
            *OF_EVERY_OPERATION,
            *raises,
            *ERRORS_OF_ACCESS[access],
            *ERRORS_OF_LIMIT[limit],
            *(error for provider in providers.values() for error in provider.errors),
        ]
        if conditional:
            errors.append(VersionConflict)
        if collection is not None:
            check_query(collection, query)
            errors += errors_of_collection(
                collection, finds=bool(path_variables), writes=body is not None, status=status
            )
        problems = [problem_of(error) for error in errors]
        request_headers = [IF_MATCH, IF_NONE_MATCH] if conditional else []
        request_headers += [h for provider in providers.values() for h in provider.headers]
        return Endpoint(
            Operation(
                view=view,
                query=query,
                body=body,
                returns=returns,
                status=status,
                headers=sent,
                request_headers=tuple(request_headers),
                conditional=conditional,
                access=access,
                limit=limit,
                max_body=body().max_body if body else 0,
                guard=guard,
                oauth=oauth,
                problems=tuple(map(as_oauth, problems) if oauth else problems),
                deprecated=deprecated,
            ),
            providers,
        )

    return declare


def _check(
    view: View,
    providers: dict[str, Provider],
    *,
    query: type[InputSchema] | None,
    body: type[InputSchema] | None,
    access: Access,
) -> None:
    taken = {provider.declares for provider in providers.values()} - {None}
    # A query of any parameters has no values for the view.
    schemas = {"query": query, "body": body}
    declared = {name for name, schema in schemas.items() if schema and schema._declared_fields}
    for name in sorted(taken ^ declared, key=str):
        raise TypeError(f"{view.__name__}: declare {name} and take it, or neither")
    identifying = [provider for provider in providers.values() if provider.identifies]
    public = all(provider.public for provider in identifying)
    if not (public if access is Access.PUBLIC else identifying):
        raise TypeError(f"{view.__name__}: declare access and take the caller, or neither")
