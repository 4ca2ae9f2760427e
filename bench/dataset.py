"""Realistic rows: some kinds, tags, statuses and owners are far more common."""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Table

from storage.accounts.tables import USER
from storage.collections.collection import Collection
from storage.collections.viewers import Viewer
from storage.collections.words import words_of
from tests.bookings import BOOKINGS, booking_extras
from tests.gizmos import GIZMOS, gizmo_tags

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


def gizmos(size: int, start: int, chooser: random.Random) -> Iterator[dict[str, Any]]:
    """Yield one chunk of `size` gizmos, from number `start` on."""
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


RELATED = UUID(int=1)
"""The gizmo to which every hundredth booking has a relation."""


def bookings(size: int, start: int, chooser: random.Random) -> Iterator[dict[str, Any]]:
    """Yield one chunk of `size` bookings, from number `start` on; some columns have nulls."""

    def often(value: Any) -> Any:
        return None if chooser.randrange(10) == 0 else value

    for number in range(start, min(start + CHUNK, size)):
        special = number % (size // MATCHES) == 0
        guest = f"{chooser.choice(KINDS).title()} {chooser.choice(THINGS)}{' walrus' * special}"
        created = START + timedelta(seconds=number)
        yield {
            "id": UUID(int=chooser.getrandbits(128), version=4),
            "guest": guest,
            "floor": often(chooser.randrange(-2, 40)),
            "price": often(Decimal(chooser.randrange(100_000)) / 100),
            "paid_on": often(date(2024, 1, 1) + timedelta(days=chooser.randrange(1000))),
            "arrives_at": START + timedelta(minutes=chooser.randrange(1_000_000)),
            "confirmed": chooser.randrange(10) > 0,
            "code": UUID(int=chooser.getrandbits(128), version=4),
            "kind": chooser.choices(["room", "suite"], [95, 5])[0],
            "extras": sorted({*chooser.choices(["sea", "dog", "cot"], [6, 3, 1], k=2)}),
            "gizmo_id": RELATED if number % 100 == 0 else None,
            "created_at": created,
            "updated_at": created,
            "version": 1,
            "guest_words": words_of(guest),
        }


class Dataset(NamedTuple):
    """`tables`: the collection's, and those of its entries, without what its relations lead to."""

    collection: Collection
    tables: list[Table]
    rows: Callable[[int, int, random.Random], Iterator[dict[str, Any]]]


GIZMO_ROWS = Dataset(GIZMOS, [GIZMOS.table, gizmo_tags], gizmos)
BOOKING_ROWS = Dataset(BOOKINGS, [BOOKINGS.table, booking_extras], bookings)


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
