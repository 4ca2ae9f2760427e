"""Measure several functions in rounds, so that other load on the machine affects all of them."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from statistics import median

from storage import DatabaseUnavailable

ROUNDS = 100
WARM_UP = 10


async def measure(works: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """Return the median milliseconds of each; one that reaches its deadline counts as that long."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(ROUNDS + WARM_UP):
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter()
            with suppress(DatabaseUnavailable):
                await work()
            if turn >= WARM_UP:
                taken.append((time.perf_counter() - began) * 1000)
    return [median(taken) for taken in times]
