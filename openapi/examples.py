"""Examples for the document, made from the examples of the schemas' fields."""

from functools import cache
from typing import Any

from marshmallow import Schema, fields

from openapi import Json
from schemas.problems import ProblemType


@cache
def instance_of(schema: type[Schema]) -> Schema:
    """Return the instance of `schema` that every document uses.

    It is cached, because creating one copies each of its fields.
    """
    return schema()


def example_of(schema: Schema) -> Json:
    """Return the schema's own example, or an object made of each field's first example."""
    own = getattr(schema, "example", None)
    if own is not None:
        return dict(own)
    return {field.data_key or name: first_example(field) for name, field in schema.fields.items()}


def first_example(field: fields.Field[Any]) -> Any:
    """Return the first example of `field`. Raises ValueError if neither it nor its parts have
    one."""
    if "examples" in field.metadata:
        return field.metadata["examples"][0]
    if isinstance(field, fields.List):
        return [first_example(field.inner)]
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    raise ValueError(f"{field.parent}: the field {field.name} needs an example")


def problem_example(problem: ProblemType) -> Json:
    example = example_of(instance_of(problem.schema))
    if problem.uri != example["type"]:  # the schema's example is an invalid request
        example |= {"type": problem.uri, "title": problem.title, "status": problem.status}
        example |= {"detail": problem.detail, "error": problem.detail, "errors": []}
    if problem.code is not None:
        example |= {"error": problem.code, "error_description": example["detail"]}
    return example
