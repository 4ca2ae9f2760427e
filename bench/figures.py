"""The measured figures, one for each round."""

from statistics import median
from typing import NamedTuple

RATE, CPU, P50, P99 = "requests/s", "CPU", "p50", "p99"
MEMORY, START_UP = "memory", "start-up"


class Key(NamedTuple):
    """What a figure measures. `work` is empty for figures of the whole server: MEMORY (MiB) and
    START_UP (seconds). CPU: microseconds of the server's processes for each request; a database
    server isn't among them."""

    what: str
    contestant: str
    database: str
    work: str = ""


class Figures(dict[Key, list[float]]):
    def add(self, key: Key, figure: float) -> None:
        self.setdefault(key, []).append(figure)

    def median(self, key: Key) -> float | None:
        """Return the median, or None if nothing was measured."""
        return median(self[key]) if key in self else None

    def ratios(self, one: Key, other: Key) -> list[float]:
        """Return the ratio of each round, in which other load on the machine affects both. Raises
        KeyError."""
        return [a / b for a, b in zip(self[one], self[other], strict=True)]
