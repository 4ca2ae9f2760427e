"""Lists against a plain model of them: whatever is asked for, on both databases, page by page."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from storage import Database, open_database
from storage.accounts.users import create_user
from storage.collections.lists import Query
from storage.collections.orders import Page, Position
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.collections.words import search_of, words_of
from tests.gizmos import GIZMOS, GizmoNotFound, GizmoRow, GizmoValues

REPEATABLE = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    # One database serves all the examples; each empties it first.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = [
    "Tür",
    "tur*bine",
    "Turbine hall",
    "kitchenette",
    "Kitchen",
    "\uffee",
    "🚪",
    "ä",
    "z",
    "日本",
]
TAGS = ["home", "urgent", "😀", "é", "e\u0301", 'quo"te', "home "]
QUERIES = ["", "tur", "tur*", "kitchen*", "kitche* hall*", "日", "two", "two kitc* ", "nothing"]

statuses = st.sampled_from(["todo", "doing", "done"])
values = st.fixed_dictionaries(
    {
        "name": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(" ".join),
        "description": st.none() | st.sampled_from(["Two for the kitchen.", "two", "日 hall"]),
        "status": statuses,
        "quantity": st.just(1),
        "tags": st.lists(st.sampled_from(TAGS), unique=True, max_size=3),
    }
)
few = st.integers(1, 4)
callers = st.integers(0, 3)
"""Nobody who has an account, two users, and an admin."""
moment = st.none() | st.integers(0, 11)


class Store:
    """A database, driven step by step, and what it ought to hold."""

    def __init__(self, database: Database, runner: asyncio.Runner) -> None:
        self.database, self.runner = database, runner
        self.rows: dict[UUID, GizmoRow] = {}
        self.owners: dict[UUID, UUID | None] = {}
        one, other, admin = (self._user(name) for name in ("one", "other", "admin"))
        self.callers = [
            ANONYMOUS,
            Viewer.owner(one),
            Viewer.owner(other),
            Viewer(admin, is_admin=True, sees_all=True),
        ]

    def _user(self, name: str) -> UUID:
        email = f"{name}@example.com"
        user = self.run(self.database.write(create_user, email=email, password_hash=""))
        user_id: UUID = user.id
        return user_id

    def empty(self) -> None:
        self.run(self.database.write(delete_all))
        self.rows = {}

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def create(self, values: Any, caller: int = 0) -> None:
        viewer = self.callers[caller]
        row = self.run(self.database.write(GIZMOS.create, viewer, values))
        self.rows[row.id] = row
        self.owners[row.id] = viewer.user_id

    def update(self, number: int, changes: Any, caller: int = 0) -> None:
        row, viewer = self._pick(number), self.callers[caller]
        if row is not None:
            with self._refused_unless_seen(viewer, row):
                changed = self.database.write(GIZMOS.update, viewer, row.id, changes)
                self.rows[row.id] = self.run(changed)

    def delete(self, number: int, caller: int = 0) -> None:
        row, viewer = self._pick(number), self.callers[caller]
        if row is not None:
            with self._refused_unless_seen(viewer, row):
                self.run(self.database.write(GIZMOS.delete, viewer, row.id))
                del self.rows[row.id]

    def _refused_unless_seen(self, viewer: Viewer, row: GizmoRow) -> AbstractContextManager[object]:
        return nullcontext() if self.sees(viewer, row) else pytest.raises(GizmoNotFound)

    def sees(self, viewer: Viewer, row: GizmoRow) -> bool:
        return viewer.user_id is None or viewer.is_admin or viewer.user_id == self.owners[row.id]

    def moment(self, number: int | None) -> datetime | None:
        row = None if number is None else self._pick(number)
        return None if row is None else row.created_at

    def page(
        self,
        wanted: Query,
        after: Position | None,
        limit: int,
        budget: int,
        viewer: Viewer = ANONYMOUS,
    ) -> Page:
        page: Page = self.run(
            self.database.read(GIZMOS.page, viewer, wanted, limit=limit, after=after, budget=budget)
        )
        assert len(page.rows) <= limit
        return page

    def walk(
        self,
        wanted: Query,
        limit: int,
        budget: int,
        viewer: Viewer = ANONYMOUS,
        between: Callable[[], None] = lambda: None,
    ) -> Iterator[GizmoRow]:
        after = None
        while True:
            page = self.page(wanted, after, limit, budget, viewer)
            yield from page.rows
            after = page.next
            if after is None:
                return
            between()

    def expected(self, wanted: Query, viewer: Viewer = ANONYMOUS) -> list[GizmoRow]:
        by = wanted["sort"].removeprefix("-")
        seen = [row for row in self.rows.values() if self.sees(viewer, row)]
        found = [row for row in seen if matches(row, wanted)]
        found.sort(
            key=lambda row: (getattr(row, by), row.id), reverse=wanted["sort"].startswith("-")
        )
        return found

    def _pick(self, number: int) -> GizmoRow | None:
        rows = list(self.rows.values())
        return rows[number % len(rows)] if rows else None


def public(rows: list[GizmoRow]) -> list[tuple[Any, ...]]:
    """The rows without what a query may have added behind a gizmo's own columns."""
    return [row[: len(GIZMOS.columns)] for row in rows]


def delete_all(connection: Connection) -> None:
    connection.execute(delete(GIZMOS.table))


def matches(row: GizmoRow, wanted: Query) -> bool:
    search = search_of(wanted["q"])
    words = {*words_of(row.name), *words_of(row.description)}
    return all(
        [
            not wanted["status"] or row.status in wanted["status"],
            set(wanted["tag"]) <= set(row.tags),
            wanted["created_after"] is None or row.created_at > wanted["created_after"],
            wanted["created_before"] is None or row.created_at < wanted["created_before"],
            wanted["updated_after"] is None or row.updated_at > wanted["updated_after"],
            set(search.words) <= words,
            all(any(word.startswith(prefix) for word in words) for prefix in search.prefixes),
        ]
    )


@st.composite
def questions(draw: st.DrawFn, store: Store) -> Query:
    question: dict[str, Any] = {
        "sort": draw(st.sampled_from(GIZMOS.sorts)),
        "status": tuple(draw(st.lists(statuses, max_size=2, unique=True))),
        "tag": tuple(draw(st.lists(st.sampled_from(TAGS[:4]), max_size=2, unique=True))),
        "created_after": store.moment(draw(moment)),
        "created_before": store.moment(draw(moment)),
        "updated_after": store.moment(draw(moment)),
        "q": draw(st.sampled_from(QUERIES)),
    }
    return question


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with asyncio.Runner() as runner:
        database = open_database(database_url, auto_migrate=True)
        yield Store(database, runner)
        runner.run(database.close())


def test_a_list_is_what_was_asked_for(store: Store) -> None:
    @REPEATABLE
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        store.empty()
        for created in data.draw(st.lists(st.tuples(values, callers), max_size=12)):
            store.create(*created)
        changes = st.tuples(st.integers(0, 11), values, callers)
        for number, change, caller in data.draw(st.lists(changes)):
            store.update(number, change, caller)
            store.delete(number + 1, caller)
        for wanted in data.draw(st.lists(questions(store), min_size=1, max_size=12)):
            viewer = store.callers[data.draw(callers)]
            found = list(store.walk(wanted, data.draw(few), data.draw(few), viewer))
            assert public(found) == public(store.expected(wanted, viewer)), wanted
            total = store.run(store.database.read(GIZMOS.count, viewer, wanted))
            assert total == (len(found), True)

    compare()


def test_gizmos_that_come_and_go_leave_no_gap_and_no_double(store: Store) -> None:
    @REPEATABLE
    @given(st.data())
    def walk(data: st.DataObject) -> None:
        store.empty()
        for created in data.draw(st.lists(st.tuples(values, callers), min_size=3, max_size=12)):
            store.create(*created)
        wanted, viewer = data.draw(questions(store)), store.callers[data.draw(callers)]
        before, changes = dict(store.rows), iter(range(20))

        def come_and_go() -> None:
            if next(changes, None) is not None:
                store.create(data.draw(values), data.draw(callers))
                store.delete(data.draw(st.integers(0, 20)))

        seen = list(store.walk(wanted, data.draw(few), data.draw(few), viewer, come_and_go))
        assert len({row.id for row in seen}) == len(seen)
        assert all(matches(row, wanted) and store.sees(viewer, row) for row in seen)
        stayed = [row for row in store.expected(wanted, viewer) if row.id in before]
        ids = {row.id for row in stayed}
        assert public([row for row in seen if row.id in ids]) == public(stayed)

    walk()


def test_a_short_page_says_where_to_go_on(store: Store) -> None:
    many: GizmoValues = {
        "name": "x",
        "description": None,
        "status": "todo",
        "quantity": 1,
        "tags": ["home"],
    }
    store.create({**many, "status": "done"})
    for _ in range(9):
        store.create({**many})
    store.create({**many, "status": "done", "tags": []})
    wanted = {"status": ("todo", "done"), "q": "x", "tag": ("home",), "sort": "name"}
    assert len(list(store.walk(wanted, 50, 4))) == 10
    first = store.page({"status": ("done",), "tag": ("home",)}, None, 1, 1)
    assert first.rows == []
    assert first.next is not None
