"""Form bodies (application/x-www-form-urlencoded), as OAuth 2.0 wants them read."""

from urllib.parse import parse_qsl

MOST_PARAMETERS = 100


class MalformedForm(ValueError):
    """Says what is wrong, in words for the client."""


def loads(data: bytes) -> dict[str, str]:
    """Parse UTF-8. A parameter without a value counts as left out (RFC 6749 §3.2).

    Raises MalformedForm, also for a parameter that is there twice and for too many of them.
    """
    try:
        pairs = parse_qsl(data.decode(), errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise MalformedForm("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedForm(f"The body has more than {MOST_PARAMETERS} parameters.") from None
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedForm("The body has the same parameter twice.")
    return result
