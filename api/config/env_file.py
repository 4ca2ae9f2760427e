"""The settings in a .env file. python-dotenv parses it; a line that it would skip is an error."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from api.config.declaration import SettingsError

OTHER_TOOLS = (
    "COMPOSE_",
    "DOCKER_",
    "FLASK_",
    "GUNICORN_",
    "NODE_",
    "PG",
    "PIP_",
    "POSTGRES_",
    "PYTHON",
    "UV_",
    "VITE_",
)
"""Prefixes of the names that belong to other tools that read the same file."""
CLOSE = 0.85
"""From this ratio of difflib on, a name counts as a misspelling of another."""
QUOTES = ('"', "'")


def read_env_file(path: Path, names: Collection[str]) -> dict[str, str]:
    """Return the variables in `path`, or none if the file doesn't exist; `names` are the settings.

    Raises SettingsError with the file and the line, but without the value, which may be a secret.
    """
    text = _read(path)
    seen: dict[str, tuple[int, str]] = {}
    for number, binding in _bindings(text):
        key, value = binding.key or "", binding.value or ""
        earlier = seen.setdefault(key, (number, value))
        reason = _unreadable(binding) or _unknown(key, names)
        if reason is None and earlier[1] != value:
            reason = f"{key} has another value than on line {earlier[0]}"
        if reason is not None:
            raise SettingsError(f"{path}, line {number}: {reason}")
    # The parser leaves ${NAME} in the values; this replaces it.
    return {key: value or "" for key, value in dotenv_values(stream=StringIO(text)).items()}


def likely_name(name: str, names: Collection[str]) -> str | None:
    """Return the setting in `names` of which `name` is probably a misspelling."""
    alike = get_close_matches(name.upper(), names, n=1, cutoff=CLOSE)
    return alike[0] if alike else None


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise SettingsError(f"{path} is not in UTF-8, perhaps in UTF-16: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}, line {number}: not in UTF-8") from None


def _bindings(text: str) -> Iterator[tuple[int, Binding]]:
    """Yield the variables and the unreadable lines of `text`, each with its line number."""
    for binding in parse_stream(StringIO(text)):
        if binding.key is not None or binding.error:
            # `original` begins with the blank lines before the variable.
            blank = re.match(r"\s*", binding.original.string)
            before = len(re.findall(r"\r\n|\n|\r", blank[0])) if blank else 0
            yield binding.original.line + before, binding


def _unreadable(binding: Binding) -> str | None:
    raw = binding.original.string.partition("=")[2].lstrip()
    if binding.error or binding.value is None:
        return "can't be read: NAME=value is expected, and a quote that is opened must be closed"
    if not binding.value.isprintable():
        return "the value has a line break or a control character; is a closing quote missing?"
    if binding.value.endswith(QUOTES) and not raw.startswith(QUOTES):
        return "the value ends with a quote that wasn't opened"
    return None


def _unknown(key: str, names: Collection[str]) -> str | None:
    if key in names or key.startswith(OTHER_TOOLS):
        return None
    if meant := likely_name(key, names):
        return f"{key} is not a setting: did you mean {meant}?"
    # Text of another form may be a part of a pasted secret.
    shown = key if re.fullmatch(r"[A-Z][A-Z0-9_]*", key) else "this name"
    return f"{shown} is not a setting: see docs/settings.md"
