"""Ten minutes of reads and writes at a modest rate: nothing grows but the data."""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from bench.durability import TIMEOUT, Service
from tests.ledger import Ledger

CLIENTS = 4
RATE = 5
"""Requests of each client in a second, at most: the test is about time, not about load."""
SAMPLES = 60
SECONDS_APART = 10
WARM_UP = 12
"""Samples until caches are filled and all connections open."""
QUERIES: list[dict[str, str | int]] = [
    {"limit": 20},
    {"sort": "name", "limit": 50},
    {"status": "todo", "include_total": "true"},
    {"q": "a*"},
    {"q": "e1* b*"},
]


class Sample(NamedTuple):
    """`memory`: what is resident, in kB."""

    memory: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Sample":
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        memory, threads = int(status["VmRSS"].split()[0]), int(status["Threads"])
        return cls(memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads)


async def load(client: httpx.AsyncClient, ledger: Ledger, ended: asyncio.Event) -> None:
    """Write and read until the end."""
    while not ended.is_set():
        if random.random() < 0.4:
            assert await ledger.write(client)
        elif ledger.entries and random.random() < 0.5:
            path = random.choice(ledger.entries).path
            assert not path or (await client.get(path)).status_code == 200
        else:
            response = await client.get("/api/gizmos", params=random.choice(QUERIES))
            assert response.status_code == 200, response.text
        await asyncio.sleep(1 / RATE)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("takes_long")
async def test_memory_descriptors_and_threads_are_flat(tmp_path: Path, database_url: str) -> None:
    ledger, ended = Ledger(), asyncio.Event()
    samples = []
    with Service(tmp_path, database_url, RATE_LIMIT="off") as service:
        async with (
            httpx.AsyncClient(base_url=service.address, timeout=TIMEOUT) as client,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(CLIENTS):
                clients.create_task(load(client, ledger, ended))
            for _ in range(SAMPLES):
                await asyncio.sleep(SECONDS_APART)
                samples.append(Sample.of(service.process.pid))
            ended.set()
    (tmp_path / "samples").write_text("\n".join(map(str, samples)))
    first, later = samples[WARM_UP], samples[WARM_UP:]
    assert max(sample.memory for sample in later) < 1.1 * first.memory, samples
    assert {sample.threads for sample in later} == {first.threads}, samples
    # Idle connections are closed now and then, and opened again.
    assert max(sample.descriptors for sample in later) <= first.descriptors + CLIENTS, samples
    result = await ledger.result(database_url)
    assert result.is_clean, result
