"""The converter for ids in paths."""

from typing import ClassVar
from uuid import UUID

from werkzeug.routing import BaseConverter, Map

NIL = UUID(int=0)
"""An id that no resource ever has."""
LENGTH = len(str(NIL))


class IdConverter(BaseConverter):
    """A resource's UUID.

    Text that is not a UUID becomes NIL, so that it is answered like any other unknown id, and a
    browser's preflight for it succeeds. `but` is a word that belongs to another route, which
    otherwise would share the methods of this one.
    """

    regex = "[^/]+"
    documentation: ClassVar = {
        "description": "The id of the resource, given by the server.",
        "schema": {
            "type": "string",
            "format": "uuid",
            # Outside of the schema, Swagger UI would fill in the example, and the first try
            # would be a 404.
            "examples": ["3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"],
        },
    }

    def __init__(self, url_map: Map, *, but: str | None = None) -> None:
        super().__init__(url_map)
        if but is not None:
            self.regex = f"(?!{but}$)[^/]+"

    def to_python(self, value: str) -> UUID:
        if len(value) != LENGTH:
            return NIL
        try:
            parsed = UUID(value)
        except ValueError:
            return NIL
        # UUID() also accepts braces, prefixes and misplaced hyphens; a resource has one address.
        return parsed if str(parsed) == value.lower() else NIL
