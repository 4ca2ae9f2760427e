"""A disk that is really full, under the database and under the metrics."""

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from bench.durability import Service, stored_names
from tests.faults.conftest import assert_unavailable
from tests.small_disk import filled, small_disk
from tests.sqlite import migrated_database

INCOMPLETE = "metrics_incomplete"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 600) as disk:
        yield disk


async def test_reads_go_on_and_writes_once_there_is_room_again(disk: Path) -> None:
    url = migrated_database(disk)
    with Service(disk, url) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            created = await client.post("/api/gizmos", json={"name": "Before"})
            with filled(disk):
                big = {"name": "Full", "description": "x" * 2000, "tags": ["a", "b", "c"]}
                full = [await client.post("/api/gizmos", json=big) for _ in range(5)]
                await assert_unavailable(full[-1])
                read = await client.get(created.headers["Location"])
                assert read.json() == created.json()
                assert (await client.get("/api/health")).status_code == 200
            assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    acknowledged = [answer.json()["name"] for answer in full if answer.status_code == 201]
    assert sorted(await stored_names(url)) == sorted(["After", "Before", *acknowledged])


async def use_each_operation(client: httpx.AsyncClient) -> None:
    """Each is counted by its own labels, so the files of the metrics have to grow."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path, methods in paths.items():
        for method in set(methods) - {"parameters"}:
            sent = await client.request(method, path.replace("{", "").replace("}", ""))
            assert sent.status_code < 500, sent.text


async def scraped(client: httpx.AsyncClient) -> str:
    response = await client.get("/metrics")
    assert response.status_code == 200
    return response.text


async def test_metrics_on_it_have_a_gap_and_nothing_else_happens(
    disk: Path, tmp_path: Path
) -> None:
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(disk / "metrics")}
    with Service(tmp_path, migrated_database(tmp_path), **environ) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            with filled(disk):
                await use_each_operation(client)
                assert "build_info" in await scraped(client)
            assert (await client.get("/api/health")).status_code == 200
            assert service.process.poll() is None
    assert [INCOMPLETE in line for line in service.log].count(True) == 1


@pytest.mark.parametrize(
    "fault", ["full", "vanished", "emptied", pytest.param("unwritable", marks=pytest.mark.long)]
)
async def test_a_service_whose_metrics_can_not_be_kept_serves(
    disk: Path, tmp_path: Path, fault: str
) -> None:
    folder = Path("/proc/metrics") if fault == "unwritable" else disk / "metrics"
    url = migrated_database(tmp_path)
    room = filled(disk) if fault == "full" else nullcontext()
    with room, Service(tmp_path, url, PROMETHEUS_MULTIPROC_DIR=str(folder)) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            if fault == "vanished":
                assert "build_info" in await scraped(client)
                shutil.rmtree(folder)
            if fault == "emptied":
                for file in folder.iterdir():
                    file.unlink()
            await use_each_operation(client)
            assert await scraped(client) == ""
    assert [INCOMPLETE in line for line in service.log].count(True) == 1
