"""Response headers that more than one resource sends."""

from typing import Any
from urllib.parse import urlencode

from flask import request

from openapi.operation import ResponseHeader


def _location(row: Any) -> str:
    return f"{request.script_root}{request.path}/{row.id}"


def _link(page: Any) -> str | None:
    if page.next_cursor is None:
        return None
    asked = {**request.args.to_dict(flat=False), "cursor": [page.next_cursor]}
    parameters = urlencode(asked, doseq=True)
    return f'<{request.script_root}{request.path}?{parameters}>; rel="next"'


ETAG = ResponseHeader(
    name="ETag",
    required=True,
    description="The version of what is in the body: a strong validator (RFC 9110 §8.8.3).",
    example='"1"',
    value=lambda row: f'"{row.version}"',
)
LOCATION = ResponseHeader(
    name="Location",
    required=True,
    description="The path of what was created.",
    example="/api/items/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b",
    value=_location,
)
NEXT_PAGE = ResponseHeader(
    name="Link",
    description='The path of the next page, as rel="next" (RFC 8288); not there on the last one.',
    example='</api/items?cursor=WzE3Ni4uLl0.c2lnbmF0dXJl>; rel="next"',
    value=_link,
)
