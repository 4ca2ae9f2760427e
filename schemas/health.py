"""Whether the service runs, and whether it can work."""

from marshmallow import fields
from marshmallow.validate import OneOf

from schemas.base import OutputSchema
from schemas.fields import Timestamp
from schemas.problems import Problem


def dependencies(states: list[str], *, example: dict[str, str]) -> fields.Dict:
    """The state of each dependency; `states` are all that there are."""
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
    """Everything that the service can't work without is there."""

    status = fields.String(
        validate=OneOf(["ok"]), metadata={"description": "Always `ok`.", "examples": ["ok"]}
    )
    checks = dependencies(["ok", "unavailable"], example={"database": "ok", "migrations": "ok"})


class ReadinessProblem(Problem):
    """Something that the service depends on is missing, or the server is about to stop."""

    checks = dependencies(
        ["ok", "behind", "ahead", "stopping", "unavailable"],
        example={"database": "unavailable", "migrations": "unavailable"},
    )
