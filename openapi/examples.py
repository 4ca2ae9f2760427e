"""Examples for the document, made of those that the schemas' fields carry."""

from functools import cache
from typing import Any

from marshmallow import Schema, fields

from schemas.problems import ProblemType

Json = dict[str, Any]


@cache
def instance_of(schema: type[Schema]) -> Schema:
    """The instance that stands for `schema` in every document.

    Making one copies each of its fields, and the same few schemas are in most responses.
    """
    return schema()


def example_of(schema: Schema) -> Json:
    """The schema's own example, or an object made of the first one of each field."""
    own = getattr(schema, "example", None)
    if own is not None:
        return dict(own)
    return {field.data_key or name: first_example(field) for name, field in schema.fields.items()}


def first_example(field: fields.Field[Any]) -> Any:
    """Raises ValueError for a field that says none and isn't made of others that do."""
    if "examples" in field.metadata:
        return field.metadata["examples"][0]
    if isinstance(field, fields.List):
        return [first_example(field.inner)]
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    raise ValueError(f"{field.parent}: the field {field.name} needs an example")


def problem_example(problem: ProblemType) -> Json:
    """What a client gets that meets `problem`."""
    example = example_of(instance_of(problem.schema))
    if problem.uri != example["type"]:  # which is that of an invalid request
        example |= {"type": problem.uri, "title": problem.title, "status": problem.status}
        example |= {"detail": problem.detail, "error": problem.detail, "errors": []}
    if problem.code is not None:
        example |= {"error": problem.code, "error_description": example["detail"]}
    return example
