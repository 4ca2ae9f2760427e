"""A realistic set of items: some kinds, tags, statuses and owners are far more common."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from storage.accounts.users import USER
from storage.collections.viewers import Viewer
from storage.collections.words import words_of

CHUNK = 5_000
MATCHES = 100
"""The number of items with the word and the tag `walrus`, at any size; MANY owns them all."""

START = datetime(2024, 1, 1, tzinfo=UTC)
KINDS = [
    "oak",
    "steel",
    "glass",
    "paper",
    "cotton",
    "copper",
    "rubber",
    "canvas",
    "cedar",
    "ceramic",
    "marble",
    "wool",
]
THINGS = [
    "table",
    "lamp",
    "ladder",
    "notebook",
    "kettle",
    "hammer",
    "shelf",
    "curtain",
    "bucket",
    "frame",
    "basket",
    "clock",
]
PLACES = [
    "kitchen",
    "garage",
    "attic",
    "cellar",
    "workshop",
    "office",
    "garden",
    "balcony",
    "hallway",
    "shed",
]
TAGS = [f"tag-{number}" for number in range(200)]
WEIGHTS = [1 / (number + 1) for number in range(len(TAGS))]

OWNERS = [UUID(int=number * 2**96 + 1, version=4) for number in range(1_000)]
FEW, SOME, MANY = (Viewer.owner(owner) for owner in OWNERS[:3])
"""The owners of 20 items, of every 200th item, and of every fifth. Another fifth has no owner."""


def rows_of(size: int, start: int, chooser: random.Random) -> Iterator[dict[str, Any]]:
    """Yield one chunk of `size` items, from number `start` on."""
    for number in range(start, min(start + CHUNK, size)):
        special = number % (size // MATCHES) == 0
        kind, thing, place = map(chooser.choice, (KINDS, THINGS, PLACES))
        name = f"{kind.title()} {thing} {number}"
        description = f"The {kind} {thing} from the {place}{', with a walrus' * special}."
        tags = {*chooser.choices(TAGS, WEIGHTS, k=chooser.randrange(4))}
        created = START + timedelta(seconds=number)
        yield {
            "id": UUID(int=chooser.getrandbits(128), version=4),
            "name": name,
            "description": description,
            "status": chooser.choices(["done", "todo", "doing"], [80, 15, 5])[0],
            "quantity": chooser.randrange(100),
            "tags": [*sorted(tags), *["walrus"] * special],
            "created_at": created,
            "updated_at": created + timedelta(seconds=chooser.randrange(10_000_000)),
            "version": 1,
            "name_words": words_of(name),
            "description_words": words_of(description),
        }


def owned(size: int, start: int, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows with their owners."""
    for number, row in enumerate(rows, start):
        yield {**row, "owner_id": owner_of(size, number)}


def owner_of(size: int, number: int) -> UUID | None:
    if number % 5 == 0:
        return MANY.user_id
    if number % 200 == 1:
        return SOME.user_id
    if number % (size // 20) == 2:
        return FEW.user_id
    return None if number % 5 == 3 else OWNERS[3 + number % (len(OWNERS) - 3)]


def owners() -> list[dict[str, Any]]:
    """Return the rows of the owners."""
    same = {"role": USER, "active": True, "created_at": START, "updated_at": START, "version": 1}
    return [{"id": owner, **same} for owner in OWNERS]
