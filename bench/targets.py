"""The targets of the application: ratios to the others' figures of the same run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.contestants import (
    BARE,
    DATABASES,
    FASTAPI,
    FASTAPI_ON_UVICORN,
    OURS,
    OURS_ON_UVICORN,
    POSTGRESQL,
    SLOW_SINGLE_COMMITS,
    SLOW_SYNC,
    SMOREST,
    SQLITE,
    STOCK,
    Contestant,
)
from bench.figures import CPU, MEMORY, P99, RATE, Figures, Key
from bench.works import ITEM_CALLS


@dataclass(frozen=True)
class Target:
    """How many times as good as `beside` we are at least, or at most, as `bound` says.

    CPU time is compared as requests for the same CPU time, so that more is better as for RATE.
    """

    ours: Key
    beside: Key
    bound: float
    at_least: bool = True

    def ratios(self, figures: Figures) -> list[float]:
        if self.ours.what == CPU:
            return figures.ratios(self.beside, self.ours)
        return figures.ratios(self.ours, self.beside)

    def is_reached(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound


def _faster(
    works: Sequence[str],
    beside: Contestant,
    bound: float,
    databases: Sequence[str] = DATABASES,
    *,
    ours: Contestant = OURS,
    what: str = CPU,
) -> Iterator[Target]:
    for database in databases:
        for work in works:
            one, other = (Key(what, one.name, database, work) for one in (ours, beside))
            yield Target(one, other, bound)


def _no_more(what: str, work: str, beside: Contestant) -> Iterator[Target]:
    for database in DATABASES:
        ours, theirs = (Key(what, one.name, database, work) for one in (OURS, beside))
        yield Target(ours, theirs, 1.0, at_least=False)


def _signed_in() -> Iterator[Target]:
    for database in DATABASES:
        get = Key(CPU, OURS.name, database, "get")
        yield Target(get._replace(work="get, signed in"), get, 0.8)


FOUR = ["get", "create", "update", "list of 50"]
TARGETS = (
    *_faster([*FOUR, "mix"], FASTAPI, 2.0, [SQLITE]),
    *_faster(["get", "mix"], FASTAPI, 2.0, [POSTGRESQL]),
    *_faster(["list of 50", "update"], FASTAPI, 1.8, [POSTGRESQL]),
    *_faster(["create"], FASTAPI, 1.6, [POSTGRESQL]),
    *_faster(FOUR, FASTAPI_ON_UVICORN, 1.8, ours=OURS_ON_UVICORN),
    *_faster(["get", "create"], FASTAPI_ON_UVICORN, 1.5, [SQLITE]),
    *_faster(ITEM_CALLS, SMOREST, 1.3),
    *_faster(["health"], BARE, 0.5, [SQLITE]),
    *_faster(["wait"], STOCK, 100, [SQLITE], what=RATE),
    *_faster(["create by 64"], SLOW_SINGLE_COMMITS, 5, [SQLITE], ours=SLOW_SYNC, what=RATE),
    *_signed_in(),
    *_no_more(P99, "mix at half load", FASTAPI),
    *_no_more(MEMORY, "", FASTAPI),
)
