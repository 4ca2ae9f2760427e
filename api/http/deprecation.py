"""Response headers that announce the end of an operation (RFC 9745, RFC 8594)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from werkzeug.http import http_date

from api.http.headers import LINK
from openapi.operation import ResponseHeader
from schemas.deprecation import Deprecation

DEPRECATION = ResponseHeader(
    name="Deprecation",
    description="Since when the operation is deprecated: `@` and a Unix time (RFC 9745).",
    example="@1796083200",
    required=True,
)
SUNSET = ResponseHeader(
    name="Sunset",
    description="From when on the operation may stop working (RFC 8594).",
    example="Tue, 01 Jun 2027 00:00:00 GMT",
    required=True,
)


def announcing(
    deprecation: Deprecation, headers: Sequence[ResponseHeader]
) -> tuple[ResponseHeader, ...]:
    """Return `headers` and those of `deprecation`; its link joins a `Link` that is among them."""
    since = f"@{midnight(deprecation.since).timestamp():.0f}"
    added = [replace(DEPRECATION, value=lambda *_: since)]
    if deprecation.sunset is not None:
        sunset = http_date(midnight(deprecation.sunset))
        added.append(replace(SUNSET, value=lambda *_: sunset))
    if deprecation.link is None:
        return (*headers, *added)
    link = f'<{deprecation.link}>; rel="deprecation"'
    others = [header for header in headers if header.name == LINK.name]

    def joined(result: Any, caller_id: UUID | None) -> str:
        values = [header.value(result, caller_id) for header in others]
        return ", ".join([*filter(None, values), link])

    kept = [header for header in headers if header not in others]
    return (*kept, *added, replace(LINK, value=joined))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
