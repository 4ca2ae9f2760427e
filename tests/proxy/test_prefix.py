"""Under a path prefix, every address in a response leads to the right place."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from bench.fleet import end, free_port, read_until
from bench.nginx import NGINX
from tests.faults.test_restarts import needs_nginx
from tests.processes import started

CONFIGURATION = """
daemon off; pid {folder}/nginx.pid; error_log stderr notice; {user}
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/1; uwsgi_temp_path {folder}/2; scgi_temp_path {folder}/3;
    server {{
        listen 127.0.0.1:{port};
        location /shop/ {{ proxy_pass {api}; {header} }}
    }}
}}
"""


@contextlib.contextmanager
def behind(folder: Path, api: str, header: str = "") -> Iterator[str]:
    """nginx, which passes on what is below /shop/; its address."""
    assert NGINX is not None, "apt-get install nginx"
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    path = folder / "prefix.conf"
    path.write_text(
        CONFIGURATION.format(folder=folder, user=user, port=port, api=api, header=header)
    )
    with subprocess.Popen(
        [NGINX, "-e", "stderr", "-c", str(path)], stderr=subprocess.PIPE, text=True
    ) as process:
        reader = read_until(process, "start worker process")
        try:
            yield f"http://127.0.0.1:{port}/shop"
        finally:
            end(process, reader, signal.SIGQUIT)


@contextlib.contextmanager
def root_path(folder: Path) -> Iterator[str]:
    """A proxy that leaves the prefix in the path, and a server that has been told of it."""
    hypercorn = ("hypercorn", "--workers", "0", "--root-path", "/shop", "-b", "127.0.0.1:0")
    with (
        started(folder, *hypercorn, "tests.asgi:app") as address,
        behind(folder, address) as prefixed,
    ):
        yield prefixed


@contextlib.contextmanager
def saying_so(folder: Path) -> Iterator[str]:
    """A proxy that removes the prefix and says so."""
    header = "proxy_set_header X-Forwarded-Prefix /shop/;"
    settings = {"PORT": "0", "TRUSTED_PROXIES": "127.0.0.1"}
    with (
        started(folder, "tests.asgi", **settings) as address,
        behind(folder, f"{address}/", header) as prefixed,
    ):
        yield prefixed


@contextlib.contextmanager
def silent(folder: Path) -> Iterator[str]:
    """A proxy that removes the prefix and says nothing; the service knows its own address."""
    public = {"PORT": "0", "PUBLIC_URL": "https://items.example.com/shop"}
    with (
        started(folder, "tests.asgi", **public) as address,
        behind(folder, f"{address}/") as prefixed,
    ):
        yield prefixed


PREFIXES = {"root path": root_path, "X-Forwarded-Prefix": saying_so, "PUBLIC_URL": silent}


@needs_nginx
@pytest.mark.parametrize("name", PREFIXES)
def test_every_address_leads_to_the_right_place(tmp_path: Path, name: str) -> None:
    with PREFIXES[name](tmp_path) as base, httpx.Client() as client:

        def follow(response: httpx.Response, address: str) -> httpx.Response:
            found = client.get(urljoin(str(response.url), address))
            assert found.status_code == 200, (address, found.url)
            return found

        for item in ({"name": "First item"}, {"name": "Second"}):
            created = client.post(f"{base}/api/gizmos", json=item)
            assert follow(created, created.headers["Location"]).json() == created.json()
        page = client.get(f"{base}/api/gizmos?sort=name&limit=1")
        following = follow(page, page.links["next"]["url"])
        assert [item["name"] for item in following.json()["gizmos"]] == ["Second"]
        missing = client.get(f"{base}/api/gizmos/none")
        assert "HTTP status 404" in follow(missing, missing.json()["type"]).text
        documentation = client.get(f"{base}/", follow_redirects=True)
        assert str(documentation.url) == f"{base}/docs"
        for path in ("openapi.json", "openapi.yaml", "openapi-3.0.json", "docs/page.css"):
            follow(documentation, path)
        document = follow(documentation, "openapi.json")
        server = urljoin(str(document.url), document.json()["servers"][0]["url"])
        server = server.replace("https://items.example.com/shop", base)
        assert client.get(f"{server.rstrip('/')}/api/health").status_code == 200
