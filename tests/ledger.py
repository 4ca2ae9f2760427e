"""A ledger of writes: what clients were told, compared with what the database has in the end."""

import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
from sqlalchemy import Connection, text

from storage import open_database
from storage.collections.viewers import ANONYMOUS
from tests.gizmos import GIZMOS

CHECK = "INSERT INTO gizmos_full_text (gizmos_full_text, rank) VALUES ('integrity-check', 1)"


@dataclass
class Entry:
    """One item. `key`: the idempotency key of its creation, which its description has. `word`: the
    one that it is found by. `version`: None until it is known that the item is there."""

    key: str
    word: str
    path: str = ""
    version: int | None = None


class Result(NamedTuple):
    """`lost`: acknowledged items that aren't stored, and `lost_changes`: those whose stored version
    or name is another one than was acknowledged. `doubled`: keys with several items. `unknown`:
    items that no client has asked for. `not_found`: those that a search for their word doesn't
    find, or not alone."""

    acknowledged: int
    retried: int
    lost: int
    lost_changes: int
    doubled: int
    unknown: int
    not_found: int

    @property
    def is_clean(self) -> bool:
        return not any(self[2:])


@dataclass
class Ledger:
    """Clients write items and note each response.

    A write without a response, or with 503, is repeated: a creation with its idempotency key, a
    change with the version that it expects. Nothing else changes an item meanwhile.
    """

    entries: list[Entry] = field(default_factory=list)
    acknowledged: int = 0
    retried: int = 0
    _idle: list[Entry] = field(default_factory=list)
    _unanswered: list[Entry] = field(default_factory=list)

    async def write(self, client: httpx.AsyncClient) -> bool:
        """Send one write. Return whether it got a response."""
        entry = self._next()
        try:
            made = await (self._create if entry.version is None else self._change)(client, entry)
        except httpx.TransportError:
            self._unanswered.append(entry)
            return False
        self.acknowledged += made
        (self._idle if made else self._unanswered).append(entry)
        return True

    async def repeat_unanswered(self, client: httpx.AsyncClient) -> None:
        """Repeat the writes without a response, on a server that stays."""
        while self._unanswered:
            if not await self.write(client):
                raise AssertionError("the server went away by itself")

    def _next(self) -> Entry:
        if self._unanswered:
            self.retried += 1
            return self._unanswered.pop()
        if self._idle and random.random() < 0.5:
            entry = self._idle.pop(random.randrange(len(self._idle)))
            entry.word = uuid4().hex
            return entry
        entry = Entry(uuid4().hex, uuid4().hex)
        self.entries.append(entry)
        return entry

    async def _create(self, client: httpx.AsyncClient, entry: Entry) -> bool:
        body = {"name": entry.word, "description": entry.key}
        headers = {"Idempotency-Key": entry.key}
        response = await client.post("/api/gizmos", json=body, headers=headers)
        if response.status_code == 503:
            return False
        if response.status_code != 201:
            raise AssertionError(response.text)
        entry.path, entry.version = response.headers["Location"], 1
        return True

    async def _change(self, client: httpx.AsyncClient, entry: Entry) -> bool:
        assert entry.version is not None
        headers = {"If-Match": f'"{entry.version}"'}
        response = await client.patch(entry.path, json={"name": entry.word}, headers=headers)
        if response.status_code == 412:  # it had been made, and only the response was lost
            response = await client.get(entry.path)
        if response.status_code == 503:
            return False
        if response.status_code != 200 or response.json()["name"] != entry.word:
            raise AssertionError(response.text)
        entry.version += 1
        return True

    async def result(self, url: str) -> Result:
        """Compare with the database, as a new process finds it; SQLite checks its whole file."""
        async with open_database(url, auto_migrate=True) as database:
            await database.administer(_check)
            rows = await database.read(_rows)
            found = [await database.read(_found_by, entry.word) for entry in self.entries]
        by_key: dict[str, list[Any]] = {}
        for row in rows:
            by_key.setdefault(row.description, []).append(row)
        own = [(entry, by_key.pop(entry.key, [])) for entry in self.entries]
        return Result(
            acknowledged=self.acknowledged,
            retried=self.retried,
            lost=sum(not stored for _, stored in own),
            lost_changes=sum(
                (row.version, row.name) != (entry.version, entry.word)
                for entry, stored in own
                for row in stored
            ),
            doubled=sum(len(stored) > 1 for _, stored in own),
            unknown=len(by_key),
            not_found=sum(keys != [entry.key] for (entry, _), keys in zip(own, found, strict=True)),
        )


def _check(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        check = connection.execute(text("PRAGMA integrity_check")).scalar_one()
        if check != "ok":
            raise AssertionError(check)
        connection.execute(text(CHECK))


def _rows(connection: Connection) -> list[Any]:
    return list(connection.execute(text("SELECT description, name, version FROM gizmos")))


def _found_by(connection: Connection, word: str) -> list[str]:
    page = GIZMOS.page(connection, ANONYMOUS, {"q": word}, limit=2)
    return [row.description for row in page.rows]
