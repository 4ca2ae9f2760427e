"""The peers do the same as the application, or measuring them would mean nothing."""

import asyncio
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, text

from bench.answers import Answers, answers_of, differences
from bench.contestants import FASTAPI, OURS, QUART, SMOREST, STOCK, Contestant
from bench.dataset import gizmos
from bench.lists import insert_rows
from bench.machine import Cores
from bench.servers import PYTHON, served
from storage import open_database
from tests.gizmos import GIZMOS
from tests.migrated import migrate

pytestmark = pytest.mark.skipif(
    not PYTHON.exists() and "CI" not in os.environ,
    reason="`make build/bench/installed` installs the peers",
)
ANYWHERE = Cores(os.sched_getaffinity(0), os.sched_getaffinity(0))


async def fill(url: str) -> None:
    await migrate(url)
    async with open_database(url, auto_migrate=False) as database:
        await database.administer(insert_rows, GIZMOS.table, list(gizmos(100, 0, Random(1))))


def newest(connection: Connection) -> Any:
    """The row of the item that is left, without what is each one's own."""
    row = connection.execute(text("SELECT * FROM gizmos ORDER BY created_at DESC LIMIT 1")).one()
    own = {"seq", "id", "created_at", "updated_at"}
    return {name: value for name, value in row._asdict().items() if name not in own}


async def stored(url: str) -> Any:
    async with open_database(url, auto_migrate=False) as database:
        return await database.read(newest)


def observed(contestant: Contestant, folder: Path, url: str) -> tuple[Answers, Any]:
    """What it answers, and what it leaves in a database with 100 items."""
    asyncio.run(fill(url))
    with served(contestant, ANYWHERE, folder, url) as server:
        answers = answers_of(server.address)
    return answers, asyncio.run(stored(url))


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Any:
    """The address of a second database of the same kind."""
    if database_url.startswith("sqlite:"):
        yield f"sqlite:///{tmp_path}/other.db"
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url


@pytest.mark.parametrize(
    "peer", [FASTAPI, QUART, SMOREST, STOCK], ids=lambda peer: peer.name.replace(" ", "-")
)
def test_a_peer_answers_and_stores_the_same(
    peer: Contestant, tmp_path: Path, database_url: str, other_url: str
) -> None:
    ours, our_row = observed(OURS, tmp_path, database_url)
    theirs, their_row = observed(peer, tmp_path, other_url)
    assert differences(theirs, ours) == []
    assert their_row == our_row
    assert our_row["name_words"] in {"first item", "'first' 'item'"}


def test_a_different_response_of_a_peer_is_reported(tmp_path: Path) -> None:
    ours, _ = observed(OURS, tmp_path, f"sqlite:///{tmp_path}/api.db")
    wrong = {**ours, "create {}": "taken", "get after delete": 200}
    assert differences(wrong, ours) == [
        "create {}: 'taken' instead of 'refused'",
        "get after delete: 200 instead of 404",
    ]
    assert len(ours["list of 50"]) == 50
