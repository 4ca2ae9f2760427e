"""What stops the start: a declaration that a view, a schema or a collection doesn't match."""

from collections.abc import Collection as CollectionOf

from marshmallow import Schema, fields

from api.http.providers import Provider
from openapi.operation import Access, View
from schemas.base import InputSchema, OutputSchema
from schemas.fields import Choice
from storage.collections.collection import Collection
from storage.collections.declaration import LIST_PARAMETERS

MADE_BY_THE_COLLECTION = {"id", "created_at", "updated_at", "version"}


def check_query(collection: Collection, query: type[InputSchema] | None) -> None:
    """Raises TypeError where a list's schema and the collection don't have the same filters and
    sorts: one would be refused, or do nothing."""
    if query is None:
        return
    declared: dict[str, fields.Field] = query._declared_fields  # type: ignore[type-arg]  # any value
    missing = (set(collection.filters) | LIST_PARAMETERS) - set(declared)
    unknown = set(declared) - set(collection.filters) - LIST_PARAMETERS
    for name in sorted(missing | unknown):
        where = "the collection" if name in unknown else query.__name__
        raise TypeError(f"{query.__name__}.{name}: {where} doesn't have this parameter")
    sort = declared.get("sort")
    choices = sort.choices if isinstance(sort, Choice) else ()
    if set(choices) != set(collection.sorts):
        raise TypeError(
            f"{query.__name__}.sort: must have the choices {', '.join(collection.sorts)}"
        )


def check_fields(
    collection: Collection, body: type[InputSchema], returns: type[OutputSchema]
) -> None:
    """Raises TypeError where a schema has a field that is no column, or where a column that can't
    be null has no field in `body`: the first request would fail."""
    columns = {column.name for column in collection.columns}
    needed = {column.name for column in collection.columns if not column.nullable}
    sent, shown = _attributes(body), _attributes(returns)
    for name in sorted((sent | shown) - columns):
        raise TypeError(f"{body.__name__}, {returns.__name__}: {name} is no column of the table")
    for name in sorted(needed - sent - MADE_BY_THE_COLLECTION):
        raise TypeError(f"{body.__name__}: {name} can't be null in the table, so it needs a field")


def _attributes(schema: type[Schema]) -> set[str]:
    return {field.attribute or name for name, field in schema._declared_fields.items()}


def check_parameters(
    view: View,
    providers: CollectionOf[Provider],
    *,
    query: type[InputSchema] | None,
    body: type[InputSchema] | None,
    access: Access,
) -> None:
    """Raises TypeError where the view doesn't take what is declared, or takes what is not."""
    taken = {provider.declares for provider in providers} - {None}
    # A query of any parameters has no values for the view.
    schemas = {"query": query, "body": body}
    declared = {name for name, schema in schemas.items() if schema and schema._declared_fields}
    for name in sorted(taken ^ declared, key=str):
        raise TypeError(f"{view.__name__}: declare {name} and take it, or neither")
    identifying = [provider for provider in providers if provider.identifies]
    public = all(provider.public for provider in identifying)
    if not (public if access is Access.PUBLIC else identifying):
        raise TypeError(f"{view.__name__}: declare access and take the caller, or neither")
