"""asgi:app is plain ASGI: the same under Uvicorn and Granian."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import HUNG
from tests.processes import started

N = 20
"""As many requests wait until all of them are there."""


def uvicorn(_: str) -> list[str]:
    return ["uvicorn", "--port", "0"]


def granian(port: str) -> list[str]:
    return ["granian", "--interface", "asgi", "--port", port]


@pytest.fixture(params=[uvicorn, granian], ids=["uvicorn", "granian"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])  # Granian doesn't tell which one it took
    command = request.param(port)
    environ = {"MAX_BODY_BYTES": "1000", "TOGETHER": str(N)}
    with started(tmp_path, *command, "tests.serving.barrier:app", **environ) as address:
        # It says where it listens before it does, and until then it doesn't heed a signal.
        with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=HUNG) as client:
            client.get(f"{address}/api/health")
        yield address


def test_serves_the_whole_life_of_a_gizmo(address: str) -> None:
    with httpx.Client(base_url=address, timeout=HUNG) as client:
        created = client.post("/api/gizmos", json={"name": "First item"})
        assert created.status_code == 201
        path, etag = created.headers["Location"], created.headers["ETag"]
        assert client.get(path).json() == created.json()
        assert client.get("/api/gizmos").json()["gizmos"] == [created.json()]
        known = client.get(path, headers={"If-None-Match": etag})
        assert (known.status_code, known.content) == (304, b"")
        changed = client.patch(path, json={"status": "done"}, headers={"If-Match": etag})
        assert (changed.status_code, changed.json()["version"]) == (200, 2)
        deleted = client.delete(path)
        assert (deleted.status_code, deleted.content) == (204, b"")
        gone = client.get(path, headers={"X-Request-ID": "abc"})
        assert gone.status_code == 404
        assert gone.json()["request_id"] == gone.headers["X-Request-ID"] == "abc"


async def test_requests_wait_side_by_side(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=HUNG) as client:
        answers = await asyncio.gather(*(client.get("/wait") for _ in range(N)))
    assert [(a.status_code, a.text) for a in answers] == [(200, "all are here")] * N


@pytest.mark.parametrize("chunked", [False, True])
def test_has_the_same_limit_for_bodies(address: str, chunked: bool) -> None:
    body = b'{"name":"a"}' + b" " * 2000
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=address, timeout=HUNG) as client:
        sent = iter([body]) if chunked else body
        refused = client.post("/api/gizmos", content=sent, headers=headers)
        assert refused.status_code == 413
        assert refused.json()["type"] == "/errors/content-too-large"
        assert client.get("/api/gizmos").json()["gizmos"] == []
