"""The statements that reach a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Engine, event


class Statement(NamedTuple):
    text: str
    parameters: Any


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Those that are executed meanwhile."""
    seen: list[Statement] = []

    def record(_c: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        seen.append(Statement(text, parameters))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", record)
