"""Another resource of the tests' own: a column of every type that a list can be sorted by, a
relation, and a value that is unique among those of one owner. Tests that ask for it over HTTP add
its operations to their application."""

from decimal import Decimal
from typing import Any

from flask import Blueprint
from marshmallow import fields
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from api.operations.standard import standard_operations
from schemas.base import InputSchema, merge_patch_of
from schemas.fields import (
    BoundedList,
    Choice,
    StrictBoolean,
    StrictInteger,
    Text,
    Timestamp,
    about,
)
from schemas.pages import CountedPage, CountedPageQuery, entries_of
from schemas.queries import QueryFlag, QueryInteger
from schemas.resource import Resource
from schemas.values_as_text import Date as DateField
from schemas.values_as_text import DecimalText, Identifier
from storage.collections import ddl
from storage.collections.collection import Collection
from storage.collections.filters import (
    After,
    AllOf,
    AtLeast,
    AtMost,
    Before,
    EqualTo,
    Matches,
    OneOf,
)
from storage.collections.tables import (
    entries_table,
    list_index,
    resource_columns,
    rule,
    words_columns,
)
from storage.column_types import FixedPoint, UtcDateTime, by_code_point, metadata
from storage.errors import NotFound
from tests.gizmos import GIZMOS, gizmos

NULLABLE = ("floor", "paid_on", "price")
SORTS = (
    "created_at",
    "guest",
    "floor",
    "price",
    "paid_on",
    "arrives_at",
    "confirmed",
    "code",
    "gizmo_id",
)

bookings = Table(
    "bookings",
    metadata,
    *resource_columns(),
    Column("guest", by_code_point(100), nullable=False),
    Column("floor", Integer),
    Column("price", FixedPoint(12, 2)),
    Column("paid_on", Date),
    Column("arrives_at", UtcDateTime, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("code", Uuid, nullable=False),
    Column("kind", String(6), nullable=False),
    Column("extras", gizmos.c.tags.type, nullable=False),
    Column("gizmo_id", ForeignKey(gizmos.c.id)),
    Column("reference", String(12)),
    UniqueConstraint("owner_id", "reference"),
    *words_columns("guest"),
    rule(
        "kind <> 'suite' OR floor IS NULL OR floor >= -2",
        of="floor",
        otherwise="No suite is below floor -2.",
    ),
)
for sort in SORTS:
    list_index(bookings, sort)
list_index(bookings, "kind", "created_at")
list_index(bookings, "gizmo_id", "created_at")
list_index(bookings, "confirmed", "created_at")
booking_extras = entries_table(bookings, "extras", by_code_point(20))


class BookingNotFound(NotFound):
    """No booking has this id."""

    detail = "No booking has this id."


BOOKINGS = Collection(
    bookings,
    BookingNotFound,
    sorts=SORTS,
    filters={
        "kind": OneOf("kind"),
        "gizmo_id": EqualTo("gizmo_id"),
        "confirmed": EqualTo("confirmed"),
        "extra": AllOf(booking_extras),
        "q": Matches("guest"),
        "paid_after": After("paid_on"),
        "paid_before": Before("paid_on"),
        "min_price": AtLeast("price"),
        "max_price": AtMost("price"),
        "min_floor": AtLeast("floor"),
    },
    relations={"gizmo_id": GIZMOS},
)


def create_tables(connection: Connection) -> None:
    for table in (bookings, booking_extras):
        table.create(connection)
    ddl.create_full_text(connection, "bookings", ["guest"])
    ddl.create_entries(connection, "bookings", "extras")


GUEST = about("The name of the guest.", "Ada")
FLOOR = about("The floor; null if any will do.", 3)
PRICE = about("The price, if it is known.", "99.50")
PAID_ON = about("When it was paid, if it was.", "2026-11-20")
ARRIVES_AT = about("When the guest arrives.", "2026-11-20T15:00:00Z")
CODE = about("The code of the booking.", "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b")
CONFIRMED = about("Whether the guest has confirmed.", True)
EXTRA = about("Something besides the room.", "sea")
REFERENCE = about("What the guest calls the booking.", "Trip-2026")
GIZMO = about("The gizmo that goes with it.", "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b")


class BookingKind(Choice):
    """What is booked."""

    choices = ("room", "suite")


class BookingSort(Choice):
    """The order of a list of bookings."""

    choices = BOOKINGS.sorts


class BookingInput(InputSchema):
    """A booking as a client sends it."""

    guest = Text(required=True, min_length=1, max_length=100, metadata=GUEST)
    floor = StrictInteger(load_default=None, allow_none=True, metadata=FLOOR)
    price = DecimalText(
        digits=12, places=2, minimum=Decimal(0), load_default=None, allow_none=True, metadata=PRICE
    )
    paid_on = DateField(load_default=None, allow_none=True, metadata=PAID_ON)
    arrives_at = Timestamp(required=True, metadata=ARRIVES_AT)
    confirmed = StrictBoolean(load_default=False, metadata=CONFIRMED)
    code = Identifier(required=True, metadata=CODE)
    kind = BookingKind(load_default="room")
    extras = BoundedList(
        Text(min_length=1, max_length=20, metadata=EXTRA),
        max_items=3,
        load_default=list,
        metadata=about("What else is booked.", ["sea"]),
    )
    gizmo_id = Identifier(load_default=None, allow_none=True, metadata=GIZMO)
    reference = Text(load_default=None, allow_none=True, max_length=12, metadata=REFERENCE)


BookingPatch = merge_patch_of(BookingInput, "BookingPatch", example={"kind": "suite"})


class Booking(Resource):
    """A booking as it is stored."""

    guest = fields.String(metadata=GUEST)
    floor = fields.Integer(allow_none=True, metadata=FLOOR)
    price = DecimalText(digits=12, places=2, allow_none=True, metadata=PRICE)
    paid_on = fields.Date(allow_none=True, metadata=PAID_ON)
    arrives_at = Timestamp(metadata=ARRIVES_AT)
    confirmed = fields.Boolean(metadata=CONFIRMED)
    code = fields.UUID(metadata=CODE)
    kind = BookingKind()
    extras = fields.List(fields.String(metadata=EXTRA), metadata=about("What else.", ["sea"]))
    gizmo_id = fields.UUID(allow_none=True, metadata=GIZMO)
    reference = fields.String(allow_none=True, metadata=REFERENCE)


class BookingPage(CountedPage):
    """One page of a list of bookings."""

    bookings = entries_of(Booking, "The bookings of this page.")


class BookingListQuery(CountedPageQuery):
    """Which bookings are listed, and in which order."""

    sort = BookingSort(load_default="-created_at")
    kind = BoundedList(
        BookingKind(), max_items=2, load_default=list, metadata=about("Any of these.", ["room"])
    )
    gizmo_id = Identifier(load_default=None, metadata=GIZMO)
    confirmed = QueryFlag(load_default=None, metadata=CONFIRMED)
    extra = BoundedList(
        Text(max_length=20, metadata=EXTRA),
        max_items=3,
        load_default=list,
        metadata=about("All of these.", ["sea"]),
    )
    q = Text(load_default="", max_length=100, metadata=about("Words of the name.", "ada"))
    paid_after = DateField(load_default=None, metadata=PAID_ON)
    paid_before = DateField(load_default=None, metadata=PAID_ON)
    min_price = DecimalText(digits=12, places=2, load_default=None, metadata=PRICE)
    max_price = DecimalText(digits=12, places=2, load_default=None, metadata=PRICE)
    min_floor = QueryInteger(load_default=None, metadata=FLOOR)


def operations(module: str = __name__, **options: Any) -> Blueprint:
    declared: dict[str, Any] = {
        "body": BookingInput,
        "patch": BookingPatch,
        "returns": Booking,
        "page": BookingPage,
        "query": BookingListQuery,
    }
    return standard_operations(module, BOOKINGS, "booking", **{**declared, **options})
