"""The six standard operations of a resource, in one call.

    orders = standard_operations(
        __name__, ORDERS, "order",
        body=OrderInput, patch=OrderPatch, returns=Order, page=OrderPage, query=OrderListQuery,
    )

To change one of a resource's operations, leave it out of `only` and write it out, as
docs/adding-a-resource.md shows.
"""

from collections.abc import Collection as CollectionOf
from typing import Any
from uuid import UUID

from flask import Blueprint

from api.config.settings import Settings
from api.http.caller import Caller
from api.http.idempotency_keys import IdempotentWrite
from api.http.inputs import Body, Query
from api.http.paging import PageOf
from api.http.preconditions import IfMatch
from api.operations import operation
from api.operations.checks import check_fields
from api.runtime.services import service
from openapi.operation import Access
from schemas.base import InputSchema, MergePatch, OutputSchema
from schemas.deprecation import Deprecation
from schemas.pages import CountedPage
from storage.collections.collection import Collection
from storage.collections.lists import Row
from storage.errors import QuotaExceeded
from storage.idempotency import Answer

settings = service(Settings)

ALL = ("list", "create", "get", "replace", "update", "delete")


def standard_operations(  # noqa: PLR0913  # declarations, each by its name
    module: str,
    collection: Collection,
    name: str,
    *,
    body: type[InputSchema],
    patch: type[MergePatch],
    returns: type[OutputSchema],
    page: type[CountedPage],
    query: type[InputSchema],
    plural: str = "",
    access: Access = Access.OWNERS,
    only: CollectionOf[str] = ALL,
    deprecated: Deprecation | None = None,
) -> Blueprint:
    """The blueprint of a resource called `name`, with the operations `only`, below /api/<plural>.

    `module` is the caller's __name__; its docstring describes the resource in the document.
    `deprecated` marks all operations. Raises TypeError where the declarations don't match.
    """
    check_fields(collection, body, returns)
    plural = plural or f"{name}s"
    blueprint = Blueprint(plural, module, url_prefix=f"/api/{plural}")
    article = "an" if name[0] in "aeiou" else "a"

    async def list_(query: Query, caller: Caller) -> PageOf:
        return await caller.page(collection, query)

    async def create(body: Body[Any], write: IdempotentWrite) -> Row | Answer:
        return await write.create(collection, body, quota=settings.rows_per_user)

    async def get(caller: Caller, **path: UUID) -> Row:
        return await caller.get(collection, *path.values())

    def writing() -> Any:
        """PUT and PATCH differ in their schemas alone, but each needs a function of its own."""

        async def update(
            body: Body[Any], if_match: IfMatch, write: IdempotentWrite, **path: UUID
        ) -> Row | Answer:
            [row_id] = path.values()
            return await write.update(collection, row_id, body, if_match)

        return update

    async def delete(if_match: IfMatch, write: IdempotentWrite, **path: UUID) -> Answer | None:
        [row_id] = path.values()
        return await write.delete(collection, row_id, if_match)

    many, one = "", f"/<id:{name}_id>"
    table: dict[str, tuple[str, str, Any, str, dict[str, Any]]] = {
        "list": ("GET", many, list_, f"List {plural}.", {"query": query, "returns": page}),
        "create": (
            "POST",
            many,
            create,
            f"Create {article} {name}.",
            {"body": body, "returns": returns, "status": 201, "raises": [QuotaExceeded]},
        ),
        "get": ("GET", one, get, f"Read {article} {name}.", {"returns": returns}),
        "replace": (
            "PUT",
            one,
            writing(),
            f"Replace {article} {name}.",
            {"body": body, "returns": returns},
        ),
        "update": (
            "PATCH",
            one,
            writing(),
            f"Change some fields of {article} {name}.",
            {"body": patch, "returns": returns},
        ),
        "delete": ("DELETE", one, delete, f"Delete {article} {name}.", {"status": 204}),
    }
    for verb in ALL:
        if verb in only:
            method, path, view, summary, declared = table[verb]
            view.__name__ = f"{verb}_{plural if verb == 'list' else name}"
            view.__doc__ = summary
            declared |= {"collection": collection, "access": access, "deprecated": deprecated}
            endpoint = operation(**declared)(view)
            blueprint.add_url_rule(path, view.__name__, endpoint, methods=[method])
    return blueprint
