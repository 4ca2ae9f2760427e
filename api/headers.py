"""Response headers that more than one resource sends."""

import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request

from openapi.operation import ResponseHeader
from schemas.base import MergePatch


def init_app(app: Flask) -> None:
    app.after_request(tell_patch_types)


def tell_patch_types(response: Response) -> Response:
    """Say which PATCH bodies are taken where that is asked: to OPTIONS, and to one that isn't."""
    method = request.method
    asked = method == "OPTIONS" and "PATCH" in response.allow
    if asked or (method == "PATCH" and response.status_code == 415):
        response.headers[ACCEPT_PATCH.name] = ", ".join(MergePatch.media_types)
    return response


def _location(row: Any) -> str:
    return f"{request.script_root}{request.path}/{row.id}"


def _link(page: Any) -> str | None:
    if page.next_cursor is None:
        return None
    asked = {**request.args.to_dict(flat=False), "cursor": [page.next_cursor]}
    parameters = urlencode(asked, doseq=True)
    return f'<{request.script_root}{request.path}?{parameters}>; rel="next"'


def _digest(page: Any) -> str:
    """Of what a page shows: its rows, by their ids and versions, and the rest as it is."""
    rows, *rest = page
    seen = repr([(row.id.int, row.version) for row in rows]) + repr(rest)
    return f'"{hashlib.blake2b(seen.encode(), digest_size=12).hexdigest()}"'


ETAG = ResponseHeader(
    name="ETag",
    required=True,
    description="What the body is a version of: a strong validator (RFC 9110 §8.8.3).",
    example='"1"',
    value=lambda row: f'"{row.version}"',
)
PAGE_ETAG = replace(ETAG, value=_digest)
ACCEPT_PATCH = ResponseHeader(
    name="Accept-Patch",
    required=True,
    description="The media types that a PATCH may have (RFC 5789 §3.1).",
    example="application/json, application/merge-patch+json",
    value=lambda _: ", ".join(MergePatch.media_types),
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
