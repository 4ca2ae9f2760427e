"""The declaration on a view, from which it is validated, called, serialized and documented.

api/items.py shows it; docs/architecture.md explains it.
"""

from collections.abc import Collection as CollectionOf
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from inspect import getdoc, signature

from werkzeug import exceptions as http

from api.http.errors import InvalidRequest
from api.http.headers import announcing, derived
from api.http.preconditions import IF_MATCH, IF_NONE_MATCH
from api.http.providers import Provider, providers_of
from api.identity.errors import InvalidToken, ProviderUnavailable
from api.limiting.errors import RateLimited, RedisUnavailable
from api.operations.checks import check_columns, check_created, check_parameters, check_query
from api.operations.endpoint import Endpoint
from api.problems import as_oauth, problem_of
from openapi.operation import Access, Declaration, Limit, Operation, ResponseHeader, View
from storage import errors
from storage.collections.collection import Collection

OF_EVERY_OPERATION = (Exception, http.MisdirectedRequest)
SIGN_IN: tuple[type[Exception], ...] = (http.Unauthorized, InvalidToken, ProviderUnavailable)
ERRORS_OF_ACCESS: dict[Access, tuple[type[Exception], ...]] = {
    Access.PUBLIC: (),
    Access.OWNERS: SIGN_IN,
    Access.USERS: SIGN_IN,
    Access.ADMINS: (*SIGN_IN, errors.NotAdmin),
}
ERRORS_OF_LIMIT: dict[Limit, tuple[type[Exception], ...]] = {
    Limit.NONE: (),
    Limit.GENERAL: (RateLimited,),
    Limit.LOGIN: (RateLimited, RedisUnavailable),
    Limit.REFRESH: (RateLimited,),
    Limit.REGISTRATION: (RateLimited, RedisUnavailable),
}


@dataclass(frozen=True, kw_only=True)
class operation(Declaration):  # noqa: N801  # a decorator
    """Declare what a view takes, what it returns and which errors it raises.

    What follows from the rest is not declared: ETag where `returns` has a version, Location where
    a row of `collection` is created, Link with a page, Accept-Patch with a merge patch, and the
    errors of the parameters' providers, of the access, of the limit and of `collection`. Reads that
    return an ETag answer 304 when If-None-Match matches, 412 when If-Match doesn't. `deprecated`
    marks the operation in the document and adds the headers that announce its end. `name` and
    `summary` replace the view's name and docstring.

    Raises TypeError where the view's parameters or the collection don't match the declaration.
    """

    collection: Collection | None = None
    raises: Sequence[type[Exception]] = ()
    name: str = ""
    summary: str = ""

    def __call__(self, view: View) -> Endpoint:
        found = providers_of(view)
        providers = found.values()
        check_parameters(view, providers, self)
        if self.collection is not None:
            check_query(self.collection, self.query)
            check_columns(self.collection, self.body, self.query)
            if self.status == 201:
                check_created(self.collection, self.body, self.returns)
        headers = self._headers()
        writes = any(provider.writes for provider in providers)
        conditional = not writes and any(header.name == "ETag" for header in headers)
        request_headers = [IF_MATCH, IF_NONE_MATCH] if conditional else []
        finds = bool(set(signature(view).parameters) - set(found))
        raises = self._errors(providers, conditional=conditional, finds=finds)
        problems = [problem_of(error) for error in raises]
        declared = {each.name: getattr(self, each.name) for each in fields(Declaration)}
        made = Operation(
            **declared | {"headers": headers},
            view=view,
            operation_id=self.name or view.__name__,
            docstring=self.summary or getdoc(view) or "",
            rules=tuple(self.collection.rules.values() if self.collection else ()),
            request_headers=(*request_headers, *(h for p in providers for h in p.headers)),
            conditional=conditional,
            max_body=self.body().max_body if self.body else 0,
            problems=tuple(map(as_oauth, problems) if self.oauth else problems),
        )
        return Endpoint(made, found)

    def _headers(self) -> tuple[ResponseHeader, ...]:
        creates = self.collection is not None and self.status == 201
        sent = (*derived(self, creates=creates), *self.headers)
        return announcing(self.deprecated, sent) if self.deprecated else sent

    def _errors(
        self, providers: CollectionOf[Provider], *, conditional: bool, finds: bool
    ) -> Iterator[type[Exception]]:
        """Yield all errors; `finds`: the operation finds one row by the path."""
        yield from (InvalidRequest, *OF_EVERY_OPERATION, *self.raises)
        yield from (*ERRORS_OF_ACCESS[self.access], *ERRORS_OF_LIMIT[self.limit])
        for provider in providers:
            yield from provider.errors
        if conditional:
            yield errors.VersionConflict
        if self.collection is not None:
            yield from self._errors_of(self.collection, finds=finds)

    def _errors_of(self, collection: Collection, *, finds: bool) -> Iterator[type[Exception]]:
        writes = self.body is not None
        if finds:
            yield collection.not_found
        if writes and collection.relations:
            yield errors.RelatedRowNotFound
        if writes and collection.rules:
            yield errors.RuleBroken
        if writes and collection.unique:
            yield errors.AlreadyExists
        if finds and self.status == 204:
            yield errors.StillReferenced
