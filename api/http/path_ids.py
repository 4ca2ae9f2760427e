"""What a variable part of a path may be."""

from typing import ClassVar
from uuid import UUID

from werkzeug.routing import BaseConverter, Map

NIL = UUID(int=0)
"""The id that nothing ever has."""
LENGTH = len(str(NIL))


class IdConverter(BaseConverter):
    """A resource's UUID.

    Text that is none becomes the id that nothing has, so that it is answered like any other
    unknown id and a browser's preflight for it succeeds. `but` is a word that it leaves to another
    route, which otherwise would share its methods.
    """

    regex = "[^/]+"
    documentation: ClassVar = {
        "description": "The id that the server gave.",
        "schema": {
            "type": "string",
            "format": "uuid",
            # Beside the schema Swagger UI would fill it in, and the first try be a 404.
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
        # UUID() also takes braces, prefixes and hyphens anywhere: one item has one address.
        return parsed if str(parsed) == value.lower() else NIL
