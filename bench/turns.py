"""Works that take turns, so that whatever else the machine does meets them all."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from statistics import median

from storage import DatabaseUnavailable

ROUNDS = 100
WARM_UP = 10


async def measure(works: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """Median milliseconds of each; what its deadline ends takes as long as that is."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(ROUNDS + WARM_UP):
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter()
            with suppress(DatabaseUnavailable):
                await work()
            if turn >= WARM_UP:
                taken.append((time.perf_counter() - began) * 1000)
    return [median(taken) for taken in times]
