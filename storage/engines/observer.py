"""How long units of work wait, and how long they run."""

from collections.abc import Callable
from time import perf_counter
from typing import Literal

Kind = Literal["read", "write", "statement"]
"""How a unit of work is run: see the methods of Database with these names."""

Observer = Callable[[Kind, float, float | None], None]
"""Called at the end of each unit of work, with the seconds that it waited, for a thread or a
connection, and the seconds that it ran; None if it never ran, because its caller has left or
because it had waited too long."""


def ignore(kind: Kind, waited: float, ran: float | None) -> None:
    """Observe nothing."""


class Unit:
    """One unit of work, as a context manager of the caller that waits for it. The engine sets
    `began`, and `ended` if it knows that before the caller goes on."""

    def __init__(self, observer: Observer, kind: Kind) -> None:
        self._observer, self._kind = observer, kind
        self.began: float | None = None
        self.ended: float | None = None
        self._asked = perf_counter()

    def __enter__(self) -> "Unit":
        return self

    def __exit__(self, *_: object) -> None:
        began, ended = self.began, self.ended or perf_counter()
        waited = (began or ended) - self._asked
        self._observer(self._kind, waited, None if began is None else ended - began)
