"""Field types for query strings, in which every value is text."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields

from schemas.base import InputSchema
from schemas.fields import Bounded

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
NOT_RFC_3339 = "Not an RFC 3339 date and time with an offset; write + as %2B."


class QueryTimestamp(Bounded, fields.AwareDateTime):
    """RFC 3339 with an offset, converted to UTC. Digits beyond microseconds are cut off."""

    longest = 64
    too_long = NOT_RFC_3339

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        if not RFC_3339.fullmatch(value):
            raise ValidationError(NOT_RFC_3339)
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError(NOT_RFC_3339) from None


class QueryFlag(Bounded, fields.Boolean):
    """`true` or `false`."""

    longest = len("false")
    too_long = "Not a valid boolean."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={"true"}, falsy={"false"}, **kwargs)


class AnyQuery(InputSchema):
    """Any parameters, all of them ignored: probes add their own."""

    class Meta:
        unknown = EXCLUDE
