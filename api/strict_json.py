"""JSON as RFC 8259 wants it between machines: what parsers disagree on is refused."""

import json
import math
from typing import Any, NoReturn


class MalformedJson(ValueError):
    """Says what is wrong, in words for the client."""


def loads(data: bytes) -> Any:
    """Parse UTF-8 JSON. Raises MalformedJson, also for duplicate keys, for numbers that no
    double holds and for nesting that Python's stack doesn't."""
    try:
        return DECODER.decode(data.decode())
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedJson(f"The body is not JSON: {error.msg} at {place}.") from None
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedJson("The body has an object with the same key twice.")
    return result


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson("The body has a number that is too large.")
    return number


def _int(text: str) -> int:
    if len(text) > 20:  # longer than any 64-bit integer; Python itself would take its time
        raise MalformedJson("The body has a number that is too large.")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"The body has {name}, which JSON doesn't know.")


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
