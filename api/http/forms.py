"""Form bodies (application/x-www-form-urlencoded), parsed as OAuth 2.0 requires."""

from urllib.parse import parse_qsl

MAX_PARAMETERS = 100


class MalformedForm(ValueError):
    """Its message tells the client what is wrong."""


def loads(data: bytes) -> dict[str, str]:
    """Parse a UTF-8 form. A parameter without a value is treated as omitted (RFC 6749 §3.2).

    Raises MalformedForm, also for a repeated parameter and for too many parameters.
    """
    try:
        pairs = parse_qsl(data.decode(), errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise MalformedForm("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedForm(f"The body has more than {MAX_PARAMETERS} parameters.") from None
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedForm("The body has the same parameter twice.")
    return result
