"""The kinds of load on the servers, and their concurrency."""

from typing import NamedTuple

from bench.contestants import DATABASES, SQLITE

READ_ONLY = 1000
"""The number of items at the start that are only read; the same as in bench/load.lua."""

DELETED = 4000
"""The number of items to delete per second; when none is left, deleting ends early."""


class Work(NamedTuple):
    """One kind of load.

    `script`: its name in bench/load.lua. `changes`: the number of items that it may change, which
    no other work reads or changes. `seconds`: the minimum duration, for works with slow or few
    responses. `at_half_load`: at half the rate of the same server's `mix` in the same round.
    `signed_in`: with the token of an admin, which our own API alone has.
    """

    name: str
    script: str
    connections: int = 16
    changes: int = 0
    seconds: int = 1
    databases: tuple[str, ...] = DATABASES
    at_half_load: bool = False
    signed_in: bool = False


WORKS = (
    Work("create", "create"),
    Work("get", "get"),
    Work("get, signed in", "get", signed_in=True),
    Work("get, 304", "get, 304"),
    Work("list of 50", "list"),
    Work("update", "update", changes=500),
    Work("mix", "mix", changes=500),
    Work("mix at half load", "mix", connections=32, changes=500, seconds=2, at_half_load=True),
    Work("create by 64", "create", connections=64, databases=(SQLITE,)),
    Work("delete", "delete", changes=DELETED),
    Work("health", "health", databases=(SQLITE,)),
    Work("wait", "wait", connections=1000, seconds=6, databases=(SQLITE,)),
)
ITEM_CALLS = ("create", "get", "get, 304", "list of 50", "update", "delete", "mix")


def items_needed(seconds: int) -> int:
    """Return the number of items that loads of `seconds` need."""
    return READ_ONLY + sum(_changes(work, seconds) for work in WORKS)


def items_to_change(work: Work, seconds: int) -> tuple[int, int]:
    """Return the offset and the number of the items that this work may change."""
    before = sum(_changes(earlier, seconds) for earlier in WORKS[: WORKS.index(work)])
    return READ_ONLY + before, _changes(work, seconds)


def _changes(work: Work, seconds: int) -> int:
    return work.changes * seconds if work.script == "delete" else work.changes
