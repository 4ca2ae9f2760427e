"""Health and readiness of the service."""

import inspect
from typing import ClassVar

from marshmallow import fields

from schemas.base import OutputSchema
from schemas.fields import Choice, Named, Timestamp, about
from schemas.problems import Problem


class HealthStatus(Choice):
    """Always `ok`."""

    choices = ("ok",)
    names = ("HEALTHY",)  # in Go, the names of all enumerations share one space


class CheckState(Choice):
    """The state of one dependency."""

    choices = ("ok", "behind", "ahead", "read-only", "stopping", "unavailable")
    names = ("OK", "BEHIND", "AHEAD", "READ_ONLY", "STOPPING", "UNAVAILABLE")
    meanings = (
        "It can be used.",
        "The database lacks migrations of this version of the service.",
        "The database has migrations that this version of the service doesn't know.",
        "It can be read and not written, as after a failover.",
        "The server is about to stop.",
        "It can't be used.",
    )


class Checks(Named, fields.Dict):
    """The state of each dependency, by its name."""

    json_schema: ClassVar = {"examples": [{"database": "ok", "migrations": "behind"}]}

    def __init__(self, **example: str) -> None:
        metadata = about(inspect.getdoc(self), example)
        super().__init__(keys=fields.String(), values=CheckState(), metadata=metadata)


class Health(OutputSchema):
    """The process runs and answers."""

    status = HealthStatus()
    timestamp = Timestamp(metadata=about("The server's clock.", "2026-11-20T09:30:00.123456Z"))


class Readiness(OutputSchema):
    """Every dependency that the service requires is available."""

    status = HealthStatus()
    checks = Checks(database="ok", migrations="ok")


class ReadinessProblem(Problem):
    """A dependency of the service is missing, or the server is about to stop."""

    checks = Checks(database="ok", migrations="behind")
