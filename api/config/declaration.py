"""How a setting is declared: its defaults, its parser and its documentation, in one call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

DEVELOPMENT, PRODUCTION = "development", "production"


class SettingsError(SystemExit):
    """An invalid setting; it stops the start with one line for the operator."""


class NotAllowed(ValueError):
    """A value that is not allowed. The text says why without the value, which may be a secret; it
    replaces the parser's `allowed`."""


@dataclass(frozen=True)
class Parser(Generic[T]):
    """`parse` returns the value of a text, or raises ValueError; `allowed` says what it takes."""

    parse: Callable[[str], T]
    allowed: str


def takes(allowed: str) -> Callable[[Callable[[str], T]], Parser[T]]:
    """Make the decorated function a parser."""
    return lambda parse: Parser(parse, allowed)


def setting(
    default: str,
    parser: Parser[T],
    meaning: str,
    *,
    production: str | None = None,
    secret: bool = False,
) -> T:
    """Declare a field of a dataclass of settings.

    `production` is the default of that environment, if it is another one. The value of a `secret`
    is never shown.
    """
    defaults = {DEVELOPMENT: default, PRODUCTION: default if production is None else production}
    declared: T = field(
        repr=not secret,
        metadata={"defaults": defaults, "parser": parser, "meaning": meaning, "secret": secret},
    )
    return declared
