"""Who hears how long units of work wait, and how long they run."""

from time import perf_counter
from typing import Literal

Kind = Literal["read", "write"]


class Observer:
    """Hears of nothing, unless a subclass does. Its methods are called in whichever thread it
    happens; times are in seconds.

    Each unit of work waits first, for a thread or a connection. It need not run: its caller may
    have left, or it has waited too long.
    """

    def waits(self, kind: Kind) -> None: ...

    def waited(self, kind: Kind, seconds: float) -> None: ...

    def runs(self, kind: Kind) -> None: ...

    def ran(self, kind: Kind, seconds: float) -> None: ...


class Unit:
    """One unit of work, from the moment that it is asked for; a context manager while it runs."""

    def __init__(self, observer: Observer, kind: Kind) -> None:
        self._observer = observer
        self._kind = kind
        self._asked = perf_counter()
        self._waiting = [True]  # a list, since pop() takes its element from one thread alone
        observer.waits(kind)

    def stop_waiting(self) -> None:
        """Wait no longer, whether it ran meanwhile or not."""
        try:
            self._waiting.pop()
        except IndexError:
            return
        self._observer.waited(self._kind, perf_counter() - self._asked)

    def __enter__(self) -> None:
        self.stop_waiting()
        self._begun = perf_counter()
        self._observer.runs(self._kind)

    def __exit__(self, *_: object) -> None:
        self._observer.ran(self._kind, perf_counter() - self._begun)
