"""An SQLite file on a full disk, and under two processes."""

import asyncio
import resource
from itertools import chain
from pathlib import Path

import httpx
import pytest

from bench.durability import Service, stored_names
from storage import DatabaseUnavailable, open_database
from tests.faults.conftest import assert_unavailable
from tests.sqlite import migrated_database
from tests.storage.units import execute, notes, scalars


def limit_file_size(service: Service, size: int) -> None:
    """Let the server's process write no file beyond `size` bytes; reading goes on."""
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_reads_go_on_while_the_disk_is_full_and_writes_once_it_is_not(
    tmp_path: Path,
) -> None:
    url = migrated_database(tmp_path)
    with Service(tmp_path, url) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            created = await client.post("/api/gizmos", json={"name": "Before"})
            assert created.status_code == 201
            limit_file_size(service, (tmp_path / "api.db-wal").stat().st_size)
            for _ in range(3):
                await assert_unavailable(await client.post("/api/gizmos", json={"name": "Full"}))
            read = await client.get(created.headers["Location"])
            assert read.json() == created.json()
            assert (await client.get("/api/ready")).status_code == 200
            limit_file_size(service, resource.RLIM_INFINITY)
            assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    assert sorted(await stored_names(url)) == ["After", "Before"]


async def test_is_unavailable_for_writes_when_no_page_is_left(tmp_path: Path) -> None:
    """SQLite's own limit ends in the same SQLITE_FULL as a device without space."""
    url = migrated_database(tmp_path)
    async with open_database(url, auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT)")
        [pages] = await database.write(scalars, "PRAGMA max_page_count = 1")
        with pytest.raises(DatabaseUnavailable, match="database or disk is full"):
            await database.write(execute, "INSERT INTO notes VALUES (zeroblob(100000))")
        assert await notes(database) == []
        await database.write(scalars, f"PRAGMA max_page_count = {int(str(pages)) + 100}")
        await database.write(execute, "INSERT INTO notes VALUES (zeroblob(100000))")
        assert await notes(database) == [bytes(100_000)]


async def test_a_write_that_the_full_disk_cuts_off_leaves_nothing(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)
    with Service(tmp_path, url) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            assert (await client.post("/api/gizmos", json={"name": "Before"})).status_code == 201
            answers = []
            for room in range(0, 40_000, 2_000):
                wal = (tmp_path / "api.db-wal").stat().st_size
                limit_file_size(service, wal + room)
                requests = (
                    client.post("/api/gizmos", json={"name": f"{room}-{n}"}) for n in range(4)
                )
                answers += await asyncio.gather(*requests)
            limit_file_size(service, resource.RLIM_INFINITY)
    assert {answer.status_code for answer in answers} == {201, 503}
    acknowledged = [answer.json()["name"] for answer in answers if answer.status_code == 201]
    assert sorted(await stored_names(url)) == sorted(["Before", *acknowledged])


async def test_writes_of_two_processes_all_land(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)

    async def create(client: httpx.AsyncClient, prefix: str) -> list[str]:
        names = [f"{prefix}{n}" for n in range(25)]
        for name in names:
            # Under such a load a 503 is allowed.
            while (await client.post("/api/gizmos", json={"name": name})).status_code == 503:
                pass
        return names

    with Service(tmp_path, url) as one, Service(tmp_path, url) as other:
        async with (
            httpx.AsyncClient(base_url=one.address) as first,
            httpx.AsyncClient(base_url=other.address) as second,
        ):
            created = await asyncio.gather(
                *(
                    create(client, f"{number}-{writer}-")
                    for number, client in enumerate((first, second))
                    for writer in range(8)
                )
            )
    assert sorted(await stored_names(url)) == sorted(chain(*created))
