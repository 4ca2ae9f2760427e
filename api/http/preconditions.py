"""If-Match and If-None-Match (RFC 9110 §13.1), for resources whose ETag is their version."""

import re
from typing import Annotated
from uuid import UUID

from flask import request

from api.http.errors import InvalidRequest
from api.http.providers import Provider
from openapi.operation import RequestHeader
from storage.collections.preconditions import ANY_VERSION, MISSING, Precondition, Version
from storage.errors import PreconditionMissing, VersionConflict

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# A list may have empty elements (RFC 9110 §5.6.1.2), but not be one of nothing else.
ACCEPTED = rf"(?:\*|[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*)"
PATTERN = r'^(\*|(W[/])?"[!#-~]*"(, *(W[/])?"[!#-~]*")*)$'
"""What the document asks clients to send, of what a server has to accept. The slash has brackets
instead of a backslash, which some generators add even if there is one."""
MAX_LENGTH = 4096
"""Characters of a list of ETags."""
VERSION = re.compile(r'"(?:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-)?([1-9][0-9]{0,17})"')
"""An ETag of one row, with its id where the schema is personal (api/http/headers.py)."""
MAX_VERSION = 2**31 - 1

IF_MATCH = RequestHeader(
    name="If-Match",
    description="Only if the resource has one of these ETags; otherwise 412, and nothing is "
    "written.",
    example='"1"',
    schema={"type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH},
)
IF_NONE_MATCH = RequestHeader(
    name="If-None-Match",
    description="Only if the resource has none of these ETags; otherwise a read answers 304 and a "
    "write 412.",
    example='"1"',
    schema={"type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH},
)


def read_precondition(*, required: bool) -> Precondition:
    """Return what the request asks of a write. Raises InvalidRequest.

    MISSING if the request lacks an If-Match that is `required`: the write then looks for the row,
    so that an unknown id is still a 404.
    """
    wanted, unwanted = _tags(IF_MATCH), _tags(IF_NONE_MATCH)
    if wanted is None and required:
        return MISSING
    if wanted is None and unwanted is None:
        return ANY_VERSION
    # What isn't there is 404, so `*` asks for nothing here in the one header and for the
    # impossible in the other.
    only = None if wanted is None or "*" in wanted else _versions(wanted, weak=False)
    if unwanted is not None and "*" in unwanted:
        only = frozenset()
    return Precondition(only, _versions(unwanted or [], weak=True))


def require_match(etag: str) -> None:
    """Whether a read may be answered (RFC 9110 §13.1.1). Raises VersionConflict and
    InvalidRequest."""
    tags = _tags(IF_MATCH)
    if tags is not None and "*" not in tags and etag not in tags:
        raise VersionConflict


def is_known(etag: str) -> bool:
    """Whether the client has what it asks to read. Raises InvalidRequest."""
    tags = _tags(IF_NONE_MATCH)
    if tags is None:
        return False
    return "*" in tags or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}


def _tags(header: RequestHeader) -> list[str] | None:
    value = request.headers.get(header.name)
    if value is None:
        return None
    if len(value) > MAX_LENGTH or not re.fullmatch(ACCEPTED, value.strip(" \t")):
        detail = f'Must be * or a list of ETags such as "1", of at most {MAX_LENGTH} characters.'
        raise InvalidRequest([{"detail": detail, "header": header.name}])
    return ["*"] if value.strip() == "*" else re.findall(TAG, value)


def _versions(tags: list[str], *, weak: bool) -> frozenset[Version]:
    """The versions among `tags`. A tag that never was ours matches none; nor does a weak one in a
    strong comparison (RFC 9110 §8.8.3.2)."""
    found = (VERSION.fullmatch(tag.removeprefix("W/") if weak else tag) for tag in tags)
    pairs = (match.groups() for match in found if match)
    versions = (Version(int(number), UUID(row_id) if row_id else None) for row_id, number in pairs)
    return frozenset(version for version in versions if version.number <= MAX_VERSION)


IfMatch = Annotated[
    Precondition,
    Provider(
        lambda inputs: read_precondition(required=inputs.settings.if_match_required),
        errors=(VersionConflict, PreconditionMissing),
        headers=(IF_MATCH, IF_NONE_MATCH),
        writes=True,
    ),
]
"""The precondition of a write: If-Match and If-None-Match."""
