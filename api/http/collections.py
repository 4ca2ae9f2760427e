"""What an operation on a collection needs besides its declaration: checks and errors."""

from collections.abc import Iterator

from marshmallow import Schema, fields

from schemas.base import InputSchema, OutputSchema
from schemas.fields import Choice
from storage.collections.collection import Collection
from storage.collections.declaration import LIST_PARAMETERS
from storage.errors import AlreadyExists, RelatedRowNotFound, RuleBroken, StillReferenced

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


def errors_of_collection(
    collection: Collection, *, finds: bool, writes: bool, status: int
) -> Iterator[type[Exception]]:
    """The errors of an operation that `finds` one row by the path, or `writes` a body."""
    if finds:
        yield collection.not_found
    if writes and collection.relations:
        yield RelatedRowNotFound
    if writes and collection.rules:
        yield RuleBroken
    if writes and collection.unique:
        yield AlreadyExists
    if finds and status == 204:
        yield StillReferenced
