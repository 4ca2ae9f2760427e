"""What is asked of the servers, and how much of it at once."""

from typing import NamedTuple

from bench.contestants import DATABASES, SQLITE

READ_ONLY = 1000
"""How many of the first items are only read; as bench/load.lua has it."""

DELETED = 4000
"""How many there are to delete for each second; once they are gone, deleting ends early."""


class Work(NamedTuple):
    """`script`: what bench/load.lua calls it. `changes`: how many items it may change, which no
    other work reads or changes. `seconds`: how long at least, where answers are slow or few.
    `at_half_load`: at half the rate that the same server did `mix` at in the same round."""

    name: str
    script: str
    connections: int = 16
    changes: int = 0
    seconds: int = 1
    databases: tuple[str, ...] = DATABASES
    at_half_load: bool = False


WORKS = (
    Work("create", "create"),
    Work("get", "get"),
    Work("get, 304", "get, 304"),
    Work("list of 50", "list"),
    Work("update", "update", changes=500),
    Work("mix", "mix", changes=500),
    Work("mix at half load", "mix", connections=32, changes=500, seconds=2, at_half_load=True),
    Work("create by 64", "create", connections=64, databases=(SQLITE,)),
    Work("delete", "delete", changes=DELETED),
    Work("health", "health", databases=(SQLITE,)),
    Work("wait", "wait", connections=1000, seconds=2, databases=(SQLITE,)),
)
ITEM_CALLS = ("create", "get", "get, 304", "list of 50", "update", "delete", "mix")


def items_needed(seconds: int) -> int:
    """How many items there have to be for loads of `seconds`."""
    return READ_ONLY + sum(_changes(work, seconds) for work in WORKS)


def items_to_change(work: Work, seconds: int) -> tuple[int, int]:
    """How many items stand before those that are this work's to change, and how many these are."""
    before = sum(_changes(earlier, seconds) for earlier in WORKS[: WORKS.index(work)])
    return READ_ONLY + before, _changes(work, seconds)


def _changes(work: Work, seconds: int) -> int:
    return work.changes * seconds if work.script == "delete" else work.changes
