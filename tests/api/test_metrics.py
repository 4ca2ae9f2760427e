"""GET /metrics, read as Prometheus reads it."""

import asyncio
import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from api import create_app
from api.observability.metrics import remove_stale_gauges
from api.runtime.async_flask import AsyncFlask
from bench.fleet import Fleet
from tests.conftest import bridged
from tests.factory import settings_for
from tests.gizmos import gizmo_input
from tests.live import HUNG

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "metrics.md"
TOKEN = "a token for metrics, 32 bytes or more"


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The values by name and the labels' values, which are sorted by the labels' names."""

    def key(sample: Sample) -> tuple[str, tuple[str, ...]]:
        return sample.name, tuple(value for _, value in sorted(sample.labels.items()))

    families = text_string_to_metric_families(text)
    return {key(sample): sample.value for family in families for sample in family.samples}


async def scrape(client: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return samples(response.text)


async def test_counts_each_request_by_operation_and_status(client: httpx.AsyncClient) -> None:
    made = await client.post("/api/gizmos", json=gizmo_input())
    location = made.headers["Location"]
    for _ in range(3):
        await client.get(location)
    await client.get(location, headers={"If-None-Match": made.headers["ETag"]})
    await client.post("/api/gizmos", json={})
    await client.get("/nowhere")
    await client.put("/nowhere/either")
    await client.options("/api/gizmos")
    await client.head(location)
    found = await scrape(client)
    counted = {labels: n for (name, labels), n in found.items() if name == "http_requests_total"}
    assert counted == {
        ("create_gizmo", "201"): 1,
        ("create_gizmo", "400"): 1,
        ("get_gizmo", "200"): 4,
        ("get_gizmo", "304"): 1,
        ("none", "404"): 2,
        ("options", "200"): 1,
    }
    assert found["http_request_duration_seconds_count", ("get_gizmo",)] == 5
    assert found["http_requests_in_flight", ()] == 1  # this very scrape


async def test_metrics_have_the_wait_and_run_times_of_units_of_work(
    client: httpx.AsyncClient,
) -> None:
    before = await scrape(client)
    location = (await client.post("/api/gizmos", json=gizmo_input())).headers["Location"]
    await client.get(location)
    await client.get(location)
    found = await scrape(client)
    for name in ("database_wait_duration_seconds_count", "database_unit_duration_seconds_count"):
        for kind, times in {"read": 2, "write": 1}.items():
            assert found[name, (kind,)] - before.get((name, (kind,)), 0) >= times


async def test_counts_what_a_rate_limit_refuses(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, RATE_LIMIT="2/hour"))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        for _ in range(5):
            await client.get("/api/gizmos")
        found = await scrape(client)
    assert found["rate_limit_rejections_total", ("general",)] == 3
    assert found["http_requests_total", ("list_gizmos", "429")] == 3


@pytest.mark.no_database
async def test_a_view_that_fails_is_counted_and_no_longer_in_flight(app: AsyncFlask) -> None:
    async def fail() -> str:
        raise RuntimeError

    app.add_url_rule("/fail", view_func=fail)
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        assert (await client.get("/fail")).status_code == 500
        found = await scrape(client)
    assert found["http_requests_total", ("fail", "500")] == 1
    assert found["http_requests_in_flight", ()] == 1


async def test_clients_cannot_add_labels_to_metrics(client: httpx.AsyncClient) -> None:
    async def ask(name: str) -> set[object]:
        await client.get(f"/nowhere/{name}")
        await client.request(name.upper(), "/api/gizmos")
        await client.get(f"/api/gizmos/{name}", headers={"X-Request-ID": name})
        return {*await scrape(client)}

    await ask("first")  # and the first scrape is counted in the second
    assert await ask("second") == await ask("third") == await ask("fourth")


@pytest.mark.no_database
async def test_answers_in_openmetrics_if_accepted(client: httpx.AsyncClient) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = await client.get("/metrics", headers=accept)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert "build_info" in {family.name for family in openmetrics(response.text)}  # type: ignore[no-untyped-call]  # as the library has it


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer", 401),
        ("Bearer Käse", 401),
        (None, 401),
    ],
)
async def test_requires_the_token(tmp_path: Path, authorization: str | None, status: int) -> None:
    app = create_app(settings_for(tmp_path, METRICS_TOKEN=TOKEN))
    sent = [] if authorization is None else [authorization]
    headers = [(b"Authorization", value.encode("latin-1")) for value in sent]
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        response = await client.get("/metrics", headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["type"] == "/errors/authentication-required"


async def test_is_closed_in_production_without_a_token(tmp_path: Path) -> None:
    production = {"ENVIRONMENT": "production", "AUTO_MIGRATE": "true"}
    app = create_app(settings_for(tmp_path, **production))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.no_database
async def test_every_metric_is_documented(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    told = {
        (family.name + "_total" if family.type == "counter" else family.name, family.type)
        for family in text_string_to_metric_families(text)
        if not family.name.startswith("process_")
    }
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCUMENTATION.read_text(), re.MULTILINE)
    assert set(rows) == told


def requests_of(file: Path) -> float:
    """How many the process has counted whose file it is."""
    families = MultiProcessCollector.merge([str(file)]) if file.exists() else ()  # type: ignore[no-untyped-call]  # as the library has it
    of_all = (sample for family in families for sample in family.samples)
    return sum(float(sample.value) for sample in of_all if sample.name == "http_requests_total")


async def test_every_process_reports_the_metrics_of_all(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    sent: Counter[tuple[str, str]] = Counter()
    with Fleet(tmp_path, {"PROMETHEUS_MULTIPROC_DIR": str(folder)}) as fleet:
        address = f"http://127.0.0.1:{fleet.ports[0]}"
        files = [folder / f"counter_{process.pid}.db" for process in fleet.processes]
        async with asyncio.timeout(HUNG):
            # Which of them gets a connection is the kernel's choice.
            while sent.total() < 100 or not all(requests_of(file) > 5 for file in files):
                async with httpx.AsyncClient(base_url=address) as client:
                    made = await client.post("/api/gizmos", json=gizmo_input())
                    await client.get(made.headers["Location"])
                    await client.get("/api/gizmos?limit=0")
                    await client.get("/nowhere")
                sent.update([("create_gizmo", "201"), ("get_gizmo", "200")])
                sent.update([("list_gizmos", "400"), ("none", "404")])
        async with httpx.AsyncClient(base_url=address) as client:
            found = await scrape(client)
            counted = {
                labels: n for (name, labels), n in found.items() if name == "http_requests_total"
            }
            assert counted == dict(sent)
            assert found["http_requests_in_flight", ()] == 1

        assert await fleet.restart_oldest(signal.SIGKILL) == -signal.SIGKILL
        async with httpx.AsyncClient(base_url=address) as client:
            found = await scrape(client)
    # What the killed one has counted stays; what was going on in it doesn't.
    assert sum(n for (name, _), n in found.items() if name == "build_info") == len(files)
    assert found["http_requests_total", ("create_gizmo", "201")] == sent["create_gizmo", "201"]


def test_only_gauges_of_dead_processes_are_removed(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as dead:
        pass
    names = {f"gauge_livesum_{name}.db" for name in (dead.pid, os.getpid(), "x")}
    for name in names:
        (tmp_path / name).touch()
    remove_stale_gauges(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == names - {f"gauge_livesum_{dead.pid}.db"}


def test_a_folder_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"PROMETHEUS_MULTIPROC_DIR=.* not in \.env"):
        create_app(settings_for(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)))
