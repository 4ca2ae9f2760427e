"""The six standard operations of a resource, in one call.

To change one of them, leave it out of `only` and write it out, as docs/adding-a-resource.md shows.
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
from storage.idempotency import StoredResponse

settings = service(Settings)


class Views:
    """The views of one collection; `replace` and `update` differ only in their schemas."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def list(self, query: Query, caller: Caller) -> PageOf:
        return await caller.page(self._collection, query)

    async def create(self, body: Body[Any], write: IdempotentWrite) -> Row | StoredResponse:
        return await write.create(self._collection, body, quota=settings.rows_per_user)

    async def get(self, caller: Caller, **path: UUID) -> Row:
        return await caller.get(self._collection, *path.values())

    async def update(
        self, body: Body[Any], if_match: IfMatch, write: IdempotentWrite, **path: UUID
    ) -> Row | StoredResponse:
        [row_id] = path.values()
        return await write.update(self._collection, row_id, body, if_match)

    replace = update

    async def delete(
        self, if_match: IfMatch, write: IdempotentWrite, **path: UUID
    ) -> StoredResponse | None:
        [row_id] = path.values()
        return await write.delete(self._collection, row_id, if_match)


ONE = "/<id:{name}_id>"
STANDARD = {
    "list": ("GET", "", "list_{plural}", "List {plural}."),
    "create": ("POST", "", "create_{name}", "Create {a} {name}."),
    "get": ("GET", ONE, "get_{name}", "Read {a} {name}."),
    "replace": ("PUT", ONE, "replace_{name}", "Replace {a} {name}."),
    "update": ("PATCH", ONE, "update_{name}", "Change some fields of {a} {name}."),
    "delete": ("DELETE", ONE, "delete_{name}", "Delete {a} {name}."),
}
"""The method, the path, the name and the summary of each operation."""


def standard_operations(  # noqa: PLR0913  # declarations, each by its name
    module: str,
    collection: Collection,
    name: str,
    *,
    returns: type[OutputSchema],
    page: type[CountedPage],
    query: type[InputSchema],
    body: type[InputSchema] | None = None,
    patch: type[MergePatch] | None = None,
    plural: str = "",
    access: Access = Access.OWNERS,
    only: CollectionOf[str] = tuple(STANDARD),
    deprecated: Deprecation | None = None,
) -> Blueprint:
    """The blueprint of a resource called `name`, with the operations `only`, below /api/<plural>.

    `module` is the caller's __name__; its docstring describes the resource in the document.
    `deprecated` marks all operations. Raises TypeError where the declarations don't match.
    """
    check_fields(collection, body, returns)
    declared: dict[str, dict[str, Any]] = {
        "list": {"query": query, "returns": page},
        "create": {"body": body, "returns": returns, "status": 201, "raises": [QuotaExceeded]},
        "get": {"returns": returns},
        "replace": {"body": body, "returns": returns},
        "update": {"body": patch, "returns": returns},
        "delete": {"status": 204},
    }
    common: Any = {"collection": collection, "access": access, "deprecated": deprecated}
    words = {"name": name, "plural": plural or f"{name}s", "a": "an" if name[0] in "aeiou" else "a"}
    blueprint = Blueprint(words["plural"], module, url_prefix=f"/api/{words['plural']}")
    for verb in filter(only.__contains__, STANDARD):
        method, *texts = STANDARD[verb]
        path, view_name, summary = (text.format_map(words) for text in texts)
        declaration = operation(name=view_name, summary=summary, **declared[verb], **common)
        endpoint = declaration(getattr(Views(collection), verb))
        blueprint.add_url_rule(path, view_name, endpoint, methods=[method])
    return blueprint
