"""The same application under servers that bring no event loop."""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask import Response, request

from api.runtime.async_flask import AsyncFlask, BackgroundLoop
from tests.factory import PASSWORD
from tests.live import HUNG
from tests.processes import started

SERVERS = {
    "gunicorn": ["gunicorn", "-b", "127.0.0.1:0", "--threads", "4", "tests.served:create_app()"],
    "flask run": ["flask", "--app", "tests.served", "run", "--debug", "--port", "0"],
}


@pytest.fixture(scope="module", params=SERVERS)
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("wsgi")
    with started(folder, *SERVERS[request.param], MAX_BODY_BYTES="1000") as address:
        # It listens before it has begun to load the application.
        assert httpx.get(f"{address}/api/ready", timeout=HUNG).status_code == 200
        yield address


def test_serves_the_whole_life_of_a_gizmo(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        created = client.post("/api/gizmos", json={"name": "First item"})
        assert created.status_code == 201
        path = created.headers["Location"]
        assert client.get(path).json() == created.json()
        assert client.patch(path, json={"status": "done"}).headers["ETag"] == '"2"'
        assert client.put(path, json={"name": "Second"}).json()["version"] == 3
        assert client.get("/api/gizmos").json()["gizmos"][0]["name"] == "Second"
        assert client.delete(path).status_code == 204
        gone = client.get(path, headers={"X-Request-ID": "abc"})
        assert gone.status_code == 404
        assert gone.json()["request_id"] == gone.headers["X-Request-ID"] == "abc"


def test_a_user_signs_in_and_out(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        user = {"email": "ada@example.com", "password": PASSWORD}
        assert client.post("/api/auth/register", json=user).status_code == 201
        form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}
        token = client.post("/api/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/gizmos").json()["gizmos"] == []
        assert client.post("/api/auth/logout", data={"token": token}).status_code == 204
        assert client.get("/api/gizmos").status_code == 401


@pytest.mark.parametrize("size", [986, 987])
@pytest.mark.parametrize("chunked", [False, True])
def test_has_the_same_limit_for_bodies(address: str, size: int, chunked: bool) -> None:
    body = b'{"name":"a"}' + b" " * (size + 2)
    content: Any = iter([body]) if chunked else body
    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{address}/api/gizmos", content=content, headers=headers)
    assert response.status_code == (201 if size == 986 else 413)
    if size == 987:
        assert response.json()["type"] == "/errors/content-too-large"


def test_serves_many_at_once(address: str) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=address) as client:
            statuses.extend(client.get("/api/gizmos").status_code for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80


@pytest.mark.no_database
def test_a_view_sees_its_request_on_the_background_loop(app: AsyncFlask) -> None:
    async def echo() -> Response:
        before = request.args["q"]
        await asyncio.sleep(0)
        return Response(before + request.args["q"])

    app.add_url_rule("/echo", view_func=echo)
    client = app.test_client()
    assert [client.get(f"/echo?q={n}").text for n in range(5)] == ["00", "11", "22", "33", "44"]


def test_one_loop_serves_every_call() -> None:
    async def loop_and_thread() -> tuple[object, str]:
        return asyncio.get_running_loop(), threading.current_thread().name

    background = BackgroundLoop()
    first, second = background.run(loop_and_thread()), background.run(loop_and_thread())
    assert first == second
    assert first[1] == "background-loop"


# Python warns of a fork among threads since 3.12; Gunicorn's --preload is one.
@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")
def test_a_child_process_gets_a_loop_of_its_own() -> None:
    async def pid() -> int:
        return os.getpid()

    background = BackgroundLoop()
    assert background.run(pid()) == os.getpid()
    child = os.fork()
    if child == 0:  # pragma: no cover  # its measurements end with it
        os._exit(0 if background.run(pid()) == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_exception_of_a_coroutine_reaches_its_caller() -> None:
    async def fail() -> None:
        raise KeyError("fact")

    with pytest.raises(KeyError, match="fact"):
        BackgroundLoop().run(fail())
