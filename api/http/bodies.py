"""Parse bodies: strict JSON (RFC 8259), which rejects anything on which parsers disagree, and forms
as OAuth 2.0 requires them."""

import json
import math
import re
from codecs import BOM_UTF8
from itertools import islice
from typing import Any, NoReturn
from urllib.parse import parse_qsl

MAX_VALUES = 1000
"""The maximum number of members, elements and levels: each costs a hundred times its bytes."""
MAX_PARAMETERS = 100
"""The maximum number of parameters of a form."""
MAX_EXACT = 2**53
"""Up to here a double has every integer."""
STRUCTURE = b",[{"
# Matches up to the next of these characters outside of strings. Quantifiers are possessive, and an
# unterminated string ends with the data, so that no byte is read twice.
STEP = re.compile(rb'(?:[^",\[{]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+(?:[,\[{]|\Z)', re.DOTALL)


class MalformedBody(ValueError):
    """Its message tells the client what is wrong."""


def load_json(data: bytes) -> Any:
    """Parse UTF-8 JSON. Raises MalformedBody, also for duplicate keys, for numbers beyond the range
    of a double, and for more than MAX_VALUES values."""
    if data.startswith(BOM_UTF8):
        raise MalformedBody("The body begins with a byte order mark: send UTF-8 without one.")
    if _has_too_many_values(data):
        raise MalformedBody(f"The body has more than {MAX_VALUES} members, elements or levels.")
    try:
        return DECODER.decode(data.decode())
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not JSON: {error.msg} at {place}.") from None
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.") from None


def load_form(data: bytes) -> dict[str, str]:
    """Parse a UTF-8 form. A parameter without a value is treated as omitted (RFC 6749 §3.2).

    Raises MalformedBody, also for a repeated parameter and for too many parameters.
    """
    try:
        pairs = parse_qsl(data.decode(), errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedBody(f"The body has more than {MAX_PARAMETERS} parameters.") from None
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedBody("The body has the same parameter twice.")
    return result


def _has_too_many_values(data: bytes) -> bool:
    most = len(data) - len(data.translate(None, STRUCTURE))  # includes those within strings
    if most <= MAX_VALUES:
        return False
    return sum(1 for _ in islice(STEP.finditer(data), MAX_VALUES + 2)) > MAX_VALUES + 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedBody("The body has an object with the same key twice.")
    return result


def _float(text: str) -> float | int:
    """Return an integer for a number without a fraction: JSON Schema and most languages make no
    difference between 1.0 and 1."""
    number = float(text)
    if not math.isfinite(number):
        raise MalformedBody("The body has a number that is too large.")
    return int(number) if number.is_integer() and abs(number) < MAX_EXACT else number


def _int(text: str) -> int:
    if len(text) > 20:  # longer than any 64-bit integer; Python is slow with very long ones
        raise MalformedBody("The body has a number that is too large.")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise MalformedBody(f"The body has {name}, which is not valid JSON.")


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
