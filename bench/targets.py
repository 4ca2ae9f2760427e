"""The targets of the application: ratios to the others' figures of the same run."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.contestants import (
    BARE,
    DATABASES,
    FASTAPI,
    FASTAPI_ON_UVICORN,
    OURS,
    SINGLE_COMMITS,
    SMOREST,
    SQLITE,
    STOCK,
    Contestant,
)
from bench.figures import MEMORY, P99, RATE, Figures, Key
from bench.works import ITEM_CALLS


@dataclass(frozen=True)
class Target:
    """The ratio of our figure to that of `beside`: at least, or at most, `bound`."""

    what: str
    work: str
    database: str
    beside: Contestant
    bound: float
    at_least: bool = True

    def key_of(self, contestant: Contestant) -> Key:
        return Key(self.what, contestant.name, self.database, self.work)

    def ratios(self, figures: Figures) -> list[float]:
        return figures.ratios(self.key_of(OURS), self.key_of(self.beside))

    def is_reached(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound


def _faster(
    works: Sequence[str], beside: Contestant, bound: float, databases: Sequence[str] = DATABASES
) -> list[Target]:
    return [Target(RATE, work, database, beside, bound) for database in databases for work in works]


def _no_more(what: str, work: str, beside: Contestant) -> list[Target]:
    return [Target(what, work, database, beside, 1.0, at_least=False) for database in DATABASES]


TARGETS = (
    *_faster(["get", "create", "update"], FASTAPI, 2.0),
    *_faster(["list of 50"], FASTAPI, 1.8),
    *_faster(["get", "create"], FASTAPI_ON_UVICORN, 1.3),
    *_faster(ITEM_CALLS, SMOREST, 1.3),
    *_faster(["health"], BARE, 0.45, [SQLITE]),
    *_faster(["wait"], STOCK, 100, [SQLITE]),
    *_faster(["create by 64"], SINGLE_COMMITS, 2.0, [SQLITE]),
    *_no_more(P99, "mix at half load", FASTAPI),
    *_no_more(MEMORY, "", FASTAPI),
)
