"""A request's body and query: read within limits, parsed strictly, validated.

JSON (RFC 8259) on which parsers disagree is refused; forms are as OAuth 2.0 requires them.
"""

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from marshmallow import Schema, ValidationError, fields
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from api.http.errors import InvalidRequest, UnsupportedContent, errors_of
from api.http.providers import Provider, RequestInputs
from api.http.read_only import take_read_only
from schemas.base import FormInput, InputSchema, MergePatch

T = TypeVar("T")

MAX_QUERY = 4096
"""The bytes of a query without its cursor. `Link` repeats them and adds a cursor, so a proxy must
allow more, in a request and in a response (deploy/nginx/)."""
CHUNK = 64 * 1024
MAX_MEDIA_TYPE = 256
MAX_PARAMETERS = 100
"""How many a query or a form may have; each costs a hundred times its bytes."""
MAX_VALUES = 1000
"""The maximum number of members, elements and levels: each costs a hundred times its bytes."""
MAX_EXACT = 2**53
"""Up to here a double has every integer."""
STRUCTURE = b",[{"
# Matches up to the next of these characters outside of strings. Quantifiers are possessive, and an
# unterminated string ends with the data, so that no byte is read twice.
STEP = re.compile(rb'(?:[^",\[{]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+(?:[,\[{]|\Z)', re.DOTALL)
BRACKETED = re.compile(r"(.+)\[[0-9]*\]")
"""How some libraries write the name of a list: `status[]`, `status[0]`."""


def read_body(request: Request, media_types: Sequence[str], *, limit: int) -> bytes:
    """Return the body, of at most `limit` bytes. Raises UnsupportedContent and
    RequestEntityTooLarge; the server's stream raises RequestTimeout.

    Werkzeug's limit silently truncates a body without Content-Length.
    """
    _require_media_type(request, media_types)
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge(f"The body may have {limit} bytes.")
    data = bytearray()
    while chunk := request.stream.read(min(CHUNK, limit + 1 - len(data))):
        data += chunk
        if len(data) > limit:
            raise RequestEntityTooLarge(f"The body may have {limit} bytes.")
    return bytes(data)


def malformed(detail: str) -> InvalidRequest:
    return InvalidRequest([{"detail": detail, "pointer": ""}])


def load_json(data: bytes) -> Any:
    """Parse UTF-8 JSON. Raises InvalidRequest, also for duplicate keys, numbers beyond the range of
    a double, and more than MAX_VALUES values."""
    if data.startswith(BOM_UTF8):
        raise malformed("The body begins with a byte order mark: send UTF-8 without one.")
    if _has_too_many_values(data):
        raise malformed(f"The body has more than {MAX_VALUES} members, elements or levels.")
    try:
        return DECODER.decode(data.decode())
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise malformed(f"The body is not JSON: {error.msg} at {place}.") from None
    except RecursionError:
        raise malformed("The body is nested too deeply.") from None


def load_form(data: bytes) -> dict[str, str]:
    """Parse a UTF-8 form. A parameter without a value is treated as omitted (RFC 6749 §3.2).

    Raises InvalidRequest, also for a repeated parameter and for too many parameters.
    """
    try:
        pairs = parse_qsl(data.decode(), errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8.") from None
    except ValueError:
        raise malformed(f"The body has more than {MAX_PARAMETERS} parameters.") from None
    result = dict(pairs)
    if len(result) != len(pairs):
        raise malformed("The body has the same parameter twice.")
    return result


def _has_too_many_values(data: bytes) -> bool:
    most = len(data) - len(data.translate(None, STRUCTURE))  # includes those within strings
    if most <= MAX_VALUES:
        return False
    return sum(1 for _ in islice(STEP.finditer(data), MAX_VALUES + 2)) > MAX_VALUES + 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise malformed("The body has an object with the same key twice.")
    return result


def _float(text: str) -> float | int:
    """Return an integer for a number without a fraction: JSON Schema and most languages make no
    difference between 1.0 and 1."""
    number = float(text)
    if not math.isfinite(number):
        raise malformed("The body has a number that is too large.")
    return int(number) if number.is_integer() and abs(number) < MAX_EXACT else number


def _int(text: str) -> int:
    if len(text) > 20:  # longer than any 64-bit integer; Python is slow with very long ones
        raise malformed("The body has a number that is too large.")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise malformed(f"The body has {name}, which is not valid JSON.")


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
PARSERS: dict[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(MergePatch.media_types, load_json),
    **dict.fromkeys(FormInput.media_types, load_form),
}


def load_query(request: Request, schema: Schema) -> Any:
    """The query's parameters, validated; only those that are lists may be there more than once."""
    if request.query_string.count(b"&") >= MAX_PARAMETERS:
        detail = f"The query has more than {MAX_PARAMETERS} parameters."
        raise InvalidRequest([{"detail": detail}])
    parts = request.query_string.split(b"&")
    if sum(len(part) for part in parts if not part.startswith(b"cursor=")) > MAX_QUERY:
        detail = f"The query may have {MAX_QUERY} bytes besides its cursor."
        raise InvalidRequest([{"detail": detail}])
    lists = {name for name, field in schema.fields.items() if isinstance(field, fields.List)}
    try:
        given = request.args.to_dict(flat=False)
    except UnicodeDecodeError:
        # A raw byte, which HTTP/2 lets through.
        raise InvalidRequest([{"detail": "The query is not ASCII."}]) from None
    misplaced: Any = {
        name: [reason]
        for name, values in given.items()
        if (reason := _error_in(name, values, lists))
    }
    if misplaced:
        raise InvalidRequest(errors_of(misplaced, "parameter"))
    try:
        return schema.load({k: v if k in lists else v[0] for k, v in given.items()})
    except ValidationError as error:
        # A parameter name can't carry an index, so the list's messages are flattened.
        messages = {
            name: [of for ofs in wrong.values() for of in ofs] if isinstance(wrong, dict) else wrong
            for name, wrong in error.messages_dict.items()
        }
        for name in lists & messages.keys():
            if any("," in value for value in given[name]):
                messages[name].append(f"Repeat {name} for several values, without commas.")
        raise InvalidRequest(errors_of(messages, "parameter")) from None


def _error_in(name: str, values: list[str], lists: set[str]) -> str | None:
    """Return what is wrong with how often, or how, a parameter is written, or None."""
    bracketed = BRACKETED.fullmatch(name)
    if bracketed and bracketed[1] in lists:
        return "Write {0} without brackets, and repeat it: {0}=…&{0}=…".format(bracketed[1])
    if len(values) > 1 and name not in lists:
        return "Must not be repeated."
    return None


def _require_media_type(request: Request, media_types: Sequence[str]) -> None:
    # Werkzeug's parser takes long for many parameters.
    is_long = len(request.headers.get("Content-Type", "")) > MAX_MEDIA_TYPE
    if is_long or request.mimetype not in media_types:
        wanted = " or ".join(media_types)
        raise UnsupportedContent(f"Send the body as {wanted}.", header="Content-Type")
    if request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedContent("Send the body in UTF-8.", header="Content-Type")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedContent("Send the body uncompressed.", header="Content-Encoding")


def _body_of(inputs: RequestInputs) -> Any:
    schema: InputSchema = inputs.body  # type: ignore[assignment]  # declared with the parameter
    limit = min(inputs.operation.max_body, inputs.settings.max_body_bytes)
    data = read_body(inputs.request, schema.media_types, limit=limit)
    if not data:
        raise malformed("The body is empty.")
    values = inputs.parsed = PARSERS[inputs.request.mimetype](data)
    if inputs.request.method == "PUT" and isinstance(values, dict):
        values = values.copy()
        inputs.read_only = take_read_only(values, schema, inputs.returns)
    try:
        return schema.load(values)
    except ValidationError as error:
        raise InvalidRequest(errors_of(error.messages)) from None


Body = Annotated[
    T,
    Provider(
        _body_of,
        errors=(RequestTimeout, RequestEntityTooLarge, UnsupportedMediaType),
        # It may never end, so everything else is read first.
        last=True,
        writes=True,
        declares="body",
    ),
]
"""The body, validated by the schema of @operation(body=…)."""

Query = Annotated[
    dict[str, Any],
    Provider(lambda inputs: load_query(inputs.request, inputs.query), declares="query"),
]
"""The query's parameters, validated by the schema of @operation(query=…)."""
