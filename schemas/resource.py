"""The fields that all resources have in common."""

from marshmallow import fields

from schemas.base import OutputSchema
from schemas.fields import Timestamp

MOMENT = "2026-11-20T09:30:00.123456Z"


class Resource(OutputSchema):
    """A row of a collection; a subclass adds its own fields."""

    id = fields.UUID(
        metadata={
            "description": "Given by the server; never changes.",
            "examples": ["3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"],
        }
    )
    created_at = Timestamp(
        metadata={"description": "When it was created.", "examples": [MOMENT]},
    )
    updated_at = Timestamp(
        metadata={"description": "When it was last written.", "examples": [MOMENT]},
    )
    version = fields.Integer(
        metadata={
            "description": "Starts at 1; each write adds 1. The ETag is this number in quotes.",
            "examples": [1],
        }
    )
