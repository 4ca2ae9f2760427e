"""How much is done for a request: statements, units of work, calls of Python functions.

Not how long it takes, which the machine decides: bench/ measures that, as ratios. Who makes an
operation do more must say so here.
"""

import json
import logging
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import pytest

from api.observability.log_output import LogOutput
from api.runtime.async_flask import AsyncFlask
from serving import Bridge
from storage import Database
from storage.engines.database import Kind
from tests.accounts import account
from tests.conftest import bridged
from tests.gizmos import gizmo_input
from tests.serving.call import Answer, answer_of
from tests.statements import statements

JSON = (b"content-type", b"application/json")


class Work(NamedTuple):
    """`statements`: `for_user` more if there is a token, of which one says whose it is. `calls`: of
    Python functions on the event loop's thread, at most: a tenth more than there are on Python
    3.11."""

    statements: int
    calls: int
    for_user: int = 1


SQLITE = {
    "get_health": Work(0, 450, for_user=0),
    "get_gizmo": Work(1, 605),
    "list_gizmos": Work(1, 910),
    "find_gizmos": Work(2, 760),
    "create_gizmo": Work(1, 825, for_user=2),  # the other one counts the user's items
    "update_gizmo": Work(1, 770),
    "delete_gizmo": Work(1, 590),
}
POSTGRESQL = {
    "get_health": Work(0, 450, for_user=0),
    "get_gizmo": Work(1, 725),
    "list_gizmos": Work(1, 1160),
    "find_gizmos": Work(2, 1025),
    "create_gizmo": Work(1, 995),
    "update_gizmo": Work(1, 910),
    "delete_gizmo": Work(1, 705),
}


@pytest.fixture
def work(database_url: str) -> dict[str, Work]:
    """What each operation may do."""
    return SQLITE if database_url.startswith("sqlite") else POSTGRESQL


@pytest.fixture
async def units(app: AsyncFlask) -> Counter[Kind]:
    """Counts units of work: on SQLite, hops to another thread."""
    kinds: Counter[Kind] = Counter()

    def observe(kind: Kind, waited: float, ran: float | None) -> None:
        assert ran is not None
        kinds[kind] += 1

    app.services[Database]._observer = observe
    return kinds


@contextmanager
def calls() -> Iterator[Counter[int]]:
    """How many Python functions are called meanwhile, by the threads' ids; without what pytest does
    with each log line."""
    counted: Counter[int] = Counter()

    def count(frame: FrameType, what: str, argument: object) -> None:
        if what == "call":
            counted[threading.get_ident()] += 1

    root, before = logging.getLogger(), sys.getprofile()
    handlers = root.handlers
    root.handlers = [handler for handler in handlers if isinstance(handler, LogOutput)]
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(before)
        root.handlers = handlers


class Client:
    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.headers: list[tuple[bytes, bytes]] = []

    async def send(self, method: str, path: str, body: Any = None) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        about = [] if body is None else [JSON, (b"content-length", b"%d" % len(content))]
        headers = [*about, *self.headers]
        path, _, query = path.partition("?")
        target = {"method": method, "path": path, "query": query.encode()}
        answer = await answer_of(self._bridge, content, headers=headers, **target)
        assert answer.status < 300, answer.body
        return answer


@pytest.fixture
async def client(app: AsyncFlask) -> AsyncIterator[Client]:
    async with app.services[Database]:
        yield Client(bridged(app))


async def each(client: Client) -> AsyncIterator[tuple[str, str, str, Any]]:
    """The operations to look at, with what they are asked for."""
    paths = [
        (await client.send("POST", "/api/gizmos", gizmo_input())).header("location") or ""
        for _ in range(60)
    ]
    yield "get_health", "GET", "/api/health", None
    yield "get_gizmo", "GET", paths[0], None
    yield "list_gizmos", "GET", "/api/gizmos", None
    yield "find_gizmos", "GET", "/api/gizmos?status=todo&tag=home", None
    yield "create_gizmo", "POST", "/api/gizmos", gizmo_input()
    yield "update_gizmo", "PATCH", paths[0], {"status": "done"}
    for path in paths[1:4]:
        yield "delete_gizmo", "DELETE", path, None


@pytest.mark.parametrize("signed_in", [False, True])
async def test_no_request_needs_more_statements_than_it_must(
    app: AsyncFlask, client: Client, units: Counter[Kind], work: dict[str, Work], signed_in: bool
) -> None:
    if signed_in:
        client.headers = [
            (name.lower().encode(), value.encode())
            for name, value in (await account(app)).headers.items()
        ]
    async for name, method, path, body in each(client):
        units.clear()
        with statements() as seen:
            await client.send(method, path, body)
        needed, _, for_user = work[name]
        assert len(seen) == needed + signed_in * for_user, (name, seen)
        assert units.total() == (needed > 0), name


async def test_no_request_calls_more_functions_than_it_did(
    client: Client, work: dict[str, Work]
) -> None:
    found = {}
    async for name, method, path, body in each(client):
        for _ in range(0 if name == "delete_gizmo" else 2):
            await client.send(method, path, body)  # what the first or the second makes is made
        with calls() as counted:
            await client.send(method, path, body)
        found[name] = counted[threading.get_ident()]
    over = {name: count for name, count in found.items() if count > work[name].calls}
    assert over == {}, found
