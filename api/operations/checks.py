"""What stops the start: a declaration that a view, a schema or a collection doesn't match, since a
valid request would be a 500 otherwise."""

from collections.abc import Callable, Iterator
from collections.abc import Collection as CollectionOf
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.validate import Range

from api.http.providers import Provider
from openapi.operation import Access, Declaration, View
from schemas.base import InputSchema, MergePatch, OutputSchema
from schemas.fields import Choice, Strict, Text
from schemas.values_as_text import DecimalText
from storage.collections.collection import Collection
from storage.collections.declaration import LIST_PARAMETERS
from storage.collections.filters import AllOf, OfColumn
from storage.column_types import FixedPoint, max_integer

MADE_BY_THE_COLLECTION = {"id", "created_at", "updated_at", "version"}
FIELDS: dict[type, type[fields.Field[Any]]] = {
    UUID: fields.UUID,  # before String, which it is too
    str: fields.String,
    int: fields.Integer,
    Decimal: fields.Decimal,
    bool: fields.Boolean,
    date: fields.Date,
    datetime: fields.AwareDateTime,
}
"""The field for the values of a column."""

Check = Callable[[Any, Any], str | None]
"""What is wrong with a field for a column, or None."""


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


def check_fields(collection: Collection, *schemas: type[Schema] | None) -> None:
    """Raises TypeError where a field is no column of the table: the first request would fail."""
    columns = {column.name for column in collection.columns}
    for schema in filter(None, schemas):
        for name in sorted(set(_fields_of(schema)) - columns):
            raise TypeError(f"{schema.__name__}: {name} is no column of the table")


def check_created(
    collection: Collection, body: type[InputSchema] | None, returns: type[OutputSchema] | None
) -> None:
    """Raises TypeError where a new row would lack a value that its column needs, or where its
    response would have a null that the document doesn't describe."""
    sent, shown = (_fields_of(schema) if schema else {} for schema in (body, returns))
    unset = [column.name for column in collection.columns if column.name not in sent]
    for name in sorted(set(unset) - MADE_BY_THE_COLLECTION):
        place = f"{collection.table.name}.{name}"
        if name not in collection.initial:
            raise TypeError(f"{place}: new rows need a field for it, or a constant as its default")
        if name in shown and collection.initial[name] is None and not shown[name].allow_none:
            raise TypeError(f"{place}: new rows have null, so its field needs allow_none=True")


def _fields_of(schema: type[Schema]) -> dict[str, Any]:
    """The fields of a schema by the columns that they are about."""
    return {field.attribute or name: field for name, field in schema._declared_fields.items()}


def check_parameters(
    view: View, providers: CollectionOf[Provider], declaration: Declaration
) -> None:
    """Raises TypeError where the view doesn't take what is declared, or takes what is not."""
    taken = {provider.declares for provider in providers} - {None}
    # A query of any parameters has no values for the view.
    schemas = {"query": declaration.query, "body": declaration.body}
    declared = {name for name, schema in schemas.items() if schema and schema._declared_fields}
    for name in sorted(taken ^ declared, key=str):
        raise TypeError(f"{view.__name__}: declare {name} and take it, or neither")
    identifying = [provider for provider in providers if provider.identifies]
    public = all(provider.public for provider in identifying)
    if not (public if declaration.access is Access.PUBLIC else identifying):
        raise TypeError(f"{view.__name__}: declare access and take the caller, or neither")


def check_columns(
    collection: Collection, body: type[InputSchema] | None, query: type[InputSchema] | None
) -> None:
    """Raises TypeError, with the field and the reason, where the fields don't fit the columns."""
    if body is not None:
        for place, field, column in _stored(collection, body):
            checks = PATCH_CHECKS if issubclass(body, MergePatch) else BODY_CHECKS
            _require(place, field, column, checks)
        errors = {} if body.example is None else body().validate(dict(body.example))
        if errors:
            raise TypeError(f"{body.__name__}: its example is invalid: {errors}")
    if query is not None:
        for place, field, column in _compared(collection, query):
            _require(place, field, column, QUERY_CHECKS)


def _require(place: str, field: Any, column: Any, checks: tuple[Check, ...]) -> None:
    for reason in filter(None, (check(field, column) for check in checks)):
        raise TypeError(f"{place}: {reason}")


def _stored(collection: Collection, body: type[InputSchema]) -> Iterator[tuple[str, Any, Any]]:
    """The fields of a body, and the columns that store them."""
    lists = [kind.entries for kind in collection.filters.values() if isinstance(kind, AllOf)]
    entries = {table.info["entries_of"][1]: table.c.value for table in lists}
    for name, field in body._declared_fields.items():
        place, column = f"{body.__name__}.{name}", field.attribute or name
        if column in collection.table.c:
            yield place, field, collection.table.c[column]
        if column in entries and isinstance(field, fields.List):
            yield place, field.inner, entries[column]


def _compared(collection: Collection, query: type[InputSchema]) -> Iterator[tuple[str, Any, Any]]:
    """The fields of a query, and the columns that filters compare with their values."""
    for name, field in query._declared_fields.items():
        kind: Any = collection.filters.get(name)
        one = field.inner if isinstance(field, fields.List) else field
        place = f"{query.__name__}.{name}"
        if isinstance(kind, AllOf):
            yield place, one, kind.entries.c.value
        elif isinstance(kind, OfColumn):
            yield place, one, collection.table.c[kind.column]


def _is_of_another_type(field: Any, column: Any) -> str | None:
    try:
        expected = FIELDS.get(column.type.python_type)
    except NotImplementedError:  # a type of which SQLAlchemy doesn't know
        return None
    actual = next((kind for kind in FIELDS.values() if isinstance(field, kind)), None)
    if expected in {None, actual}:
        return None
    return f"{type(field).__name__} doesn't fit a column of the type {type(column.type).__name__}"


def _is_too_precise(field: Any, column: Any) -> str | None:
    type_ = column.type
    if not (isinstance(field, DecimalText) and isinstance(type_, FixedPoint)):
        return None
    before, after = type_.digits - type_.places, type_.places
    if field.digits - field.decimals <= before and field.decimals <= after:
        return None
    return f"the column has {before} digits before the point and {after} after it"


def _is_null(field: Any, column: Any) -> str | None:
    return "the column can't be null" if field.allow_none and not column.nullable else None


def _is_too_long(field: Any, column: Any) -> str | None:
    length = getattr(column.type, "length", None)
    if length is None or not isinstance(field, Text | Choice) or field.max_length <= length:
        return None
    return f"the column stores {length} characters"


def _is_too_large(field: Any, column: Any) -> str | None:
    most = max_integer(column.type)
    if most is None or not isinstance(field, fields.Integer):
        return None
    ranges = [(each.min, each.max) for each in field.validators if isinstance(each, Range)]
    if any(None not in ends and -most - 1 <= min(ends) and max(ends) <= most for ends in ranges):
        return None
    return f"{type(column.type).__name__} stores {-most - 1} to {most}, so limit it by a Range"


def _has_an_invalid_default(field: Any, _: Any) -> str | None:
    value = field.load_default() if callable(field.load_default) else field.load_default
    if value is missing or value is None:
        return None
    try:
        field.deserialize(orjson.loads(orjson.dumps(field._serialize(value, "", None))))
    except (ValidationError, ValueError, TypeError) as error:
        return f"the default {value!r} is invalid: {error}"
    return None


def _is_strict(field: Any, _: Any) -> str | None:
    if not isinstance(field, Strict):
        return None
    return f"each value of a query is text, which {type(field).__name__} rejects"


PATCH_CHECKS: tuple[Check, ...] = (
    _is_of_another_type,
    _is_too_precise,
    _is_too_long,
    _is_too_large,
)
BODY_CHECKS: tuple[Check, ...] = (*PATCH_CHECKS, _is_null, _has_an_invalid_default)
QUERY_CHECKS: tuple[Check, ...] = (_is_strict, _is_of_another_type, _is_too_precise)
