"""nginx, as deploy/nginx/ has it, in front of two real processes."""

import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from bench.nginx import NGINX, Nginx
from tests.processes import started

APP = "https://app.example.com"
"""A browser app that may read the answers."""
WITH_APP = {'# "https://app.example.com"': '"https://app.example.com"'}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without nginx there is nothing to test here; in CI it is there."""
    if NGINX is None and "CI" not in os.environ:
        missing = pytest.mark.skip(reason="needs nginx: apt-get install nginx")
        for item in items:
            if "nginx" in getattr(item, "fixturenames", ()):
                item.add_marker(missing)


def port_of(address: str) -> int:
    return urlsplit(address).port or 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("proxied")
    settings = {
        "PORT": "0",
        "DATABASE_URL": f"sqlite:///{folder}/api.db",
        "TRUSTED_PROXIES": "127.0.0.1",
        "CORS_ORIGINS": APP,
    }
    with (
        started(folder, "tests.asgi", **settings) as one,
        started(folder, "tests.asgi", **settings) as other,
        Nginx(folder, [port_of(one), port_of(other)], **WITH_APP) as nginx,
    ):
        yield nginx


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
async def client(nginx: Nginx, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=nginx.address, verify=nginx.trusted, http1=not request.param, http2=request.param
    ) as client:
        yield client
