"""Response headers: those that every response carries, and those that follow from an operation."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, request
from werkzeug.http import http_date

from openapi.operation import Access, Declaration, ResponseHeader
from schemas.base import MergePatch
from schemas.deprecation import Deprecation
from schemas.pages import Page

IN_QUERY = "!$'()*,/:;?@"
"""The characters that a query may contain as they are (RFC 3986 §3.4), besides letters, digits and
those that separate parameters. Encoding them would make `Link` up to three times as long."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    # Caches must revalidate, so no client reads a stale item. Responses about an account are not
    # stored at all: NO_STORE.
    "Cache-Control": "no-cache",
}
"""Added to responses that lack them; the documentation has another policy of its own."""


def add_accept_patch(response: Response) -> Response:
    """Add Accept-Patch to OPTIONS responses and to a 415 of PATCH."""
    method = request.method
    asked = method == "OPTIONS" and "PATCH" in response.allow
    if asked or (method == "PATCH" and response.status_code == 415):
        response.headers[ACCEPT_PATCH.name] = ", ".join(MergePatch.media_types)
    return response


def _location(row: Any, _: UUID | None) -> str:
    return f"{request.script_root}{request.path}/{row.id}"


def _link(page: Any, _: UUID | None) -> str | None:
    if page.next_cursor is None:
        return None
    asked = {**request.args.to_dict(flat=False), "cursor": [page.next_cursor]}
    parameters = urlencode(asked, doseq=True, safe=IN_QUERY)
    return f'<{request.script_root}{request.path}?{parameters}>; rel="next"'


def _etag_of_page(page: Any, caller_id: UUID | None) -> str:
    """Hash the ids, versions and totals of a page, and the caller, because each caller sees another
    page."""
    rows, *rest = page
    seen = repr([[row.version for row in rows], rest, str(caller_id)]).encode()
    ids = b"".join([row.id.bytes for row in rows])
    return f'"{hashlib.blake2b(ids + seen, digest_size=12).hexdigest()}"'


ETAG = ResponseHeader(
    name="ETag",
    required=True,
    description="The version of the body, a strong validator (RFC 9110 §8.8.3).",
    example='"1"',
    value=lambda row, _: f'"{row.version}"',
)
PERSONAL_ETAG = replace(ETAG, value=lambda row, _: f'"{row.id}-{row.version}"')
PAGE_ETAG = replace(ETAG, value=_etag_of_page)
NO_STORE = ResponseHeader(
    name="Cache-Control",
    required=True,
    description="`no-store`: the response is for its caller alone, and no cache may keep it.",
    example="no-store",
    value=lambda *_: "no-store",
)
ACCEPT_PATCH = ResponseHeader(
    name="Accept-Patch",
    required=True,
    description="The media types that a PATCH may have (RFC 5789 §3.1).",
    example="application/json, application/merge-patch+json",
    value=lambda *_: ", ".join(MergePatch.media_types),
)
LOCATION = ResponseHeader(
    name="Location",
    required=True,
    description="The path of the new resource.",
    example="/api/items/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b",
    value=_location,
)
LINK = ResponseHeader(
    name="Link",
    description='Related addresses (RFC 8288): the path of the next page as rel="next", unless '
    'this is the last page; a page about the deprecation of the operation as rel="deprecation".',
    example='</api/items?cursor=WzE3Ni4uLl0.c2lnbmF0dXJl>; rel="next"',
)
NEXT_PAGE = replace(LINK, value=_link)
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


def derived(declaration: Declaration, *, creates: bool) -> Iterator[ResponseHeader]:
    """Yield the headers that follow from what an operation returns and takes.

    A browser keeps responses for its user, not for the account that is signed in. So the responses
    of one account are not stored, and the ETag of a personal row has its id: the same address, such
    as /api/users/me, shows each caller another row.
    """
    returns, body = declaration.returns, declaration.body
    if returns is None:
        return
    if issubclass(returns, Page):
        yield from (PAGE_ETAG, NEXT_PAGE)
    elif "version" in returns._declared_fields:
        yield PERSONAL_ETAG if returns.personal else ETAG
    if creates:
        yield LOCATION
    if body is not None and issubclass(body, MergePatch):
        yield ACCEPT_PATCH
    if returns.personal or declaration.access in {Access.USERS, Access.ADMINS}:
        yield NO_STORE


def announcing(
    deprecation: Deprecation, headers: Sequence[ResponseHeader]
) -> tuple[ResponseHeader, ...]:
    """Return `headers` and those of `deprecation`; its link joins a `Link` that is among them."""
    since = f"@{_midnight(deprecation.since).timestamp():.0f}"
    added = [replace(DEPRECATION, value=lambda *_: since)]
    if deprecation.sunset is not None:
        sunset = http_date(_midnight(deprecation.sunset))
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


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
