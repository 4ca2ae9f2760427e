"""Health and readiness of the service."""

from marshmallow import fields
from marshmallow.validate import OneOf

from schemas.base import OutputSchema
from schemas.fields import Timestamp
from schemas.problems import Problem


def dependencies(states: list[str], *, example: dict[str, str]) -> fields.Dict:
    """Return the field for the state of each dependency; `states` are the possible ones."""
    about = {"description": "The state of each dependency, by its name.", "examples": [example]}
    state = {"description": "The state of one dependency.", "examples": [states[-1]]}
    return fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=OneOf(states), metadata=state),
        metadata=about,
    )


class Health(OutputSchema):
    """The process runs and answers."""

    status = fields.String(
        validate=OneOf(["ok"]), metadata={"description": "Always `ok`.", "examples": ["ok"]}
    )
    timestamp = Timestamp(
        metadata={
            "description": "The server's clock.",
            "examples": ["2026-11-20T09:30:00.123456Z"],
        }
    )


class Readiness(OutputSchema):
    """Every dependency that the service requires is available."""

    status = fields.String(
        validate=OneOf(["ok"]), metadata={"description": "Always `ok`.", "examples": ["ok"]}
    )
    checks = dependencies(["ok", "unavailable"], example={"database": "ok", "migrations": "ok"})


class ReadinessProblem(Problem):
    """A dependency of the service is missing, or the server is about to stop."""

    checks = dependencies(
        ["ok", "behind", "ahead", "stopping", "unavailable"],
        example={"database": "unavailable", "migrations": "unavailable"},
    )
