"""Whose X-Forwarded-Prefix counts, and which; tests/proxy/test_prefix.py follows the addresses."""

from pathlib import Path

import pytest

from api import create_app
from api.config.settings import Settings
from tests.factory import settings_for

pytestmark = pytest.mark.no_database
TRUSTED, OTHER = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url, TRUSTED_PROXIES=TRUSTED)


@pytest.mark.parametrize(
    ("peer", "sent", "prefix"),
    [
        (TRUSTED, "/shop", "/shop"),
        (TRUSTED, "/shop/v1/", "/shop/v1"),
        (TRUSTED, "", ""),
        (TRUSTED, "/", ""),
        (TRUSTED, "shop", ""),
        (TRUSTED, "//evil.test", ""),
        (TRUSTED, "/a//evil.test", ""),
        (TRUSTED, "/a, /b", ""),
        (TRUSTED, "/a<script>", ""),
        (TRUSTED, "https://evil.test", ""),
        (TRUSTED, "/a" * 1000, ""),
        (OTHER, "/shop", ""),
    ],
)
def test_a_prefix_counts_if_a_trusted_proxy_says_it(
    settings: Settings, peer: str, sent: str, prefix: str
) -> None:
    response = (
        create_app(settings)
        .test_client()
        .get("/nowhere", headers={"X-Forwarded-Prefix": sent}, environ_base={"REMOTE_ADDR": peer})
    )
    assert response.get_json()["type"] == f"{prefix}/errors/not-found"


def test_the_servers_own_root_path_comes_first(settings: Settings) -> None:
    response = (
        create_app(settings)
        .test_client()
        .get(
            "/nowhere",
            headers={"X-Forwarded-Prefix": "/shop"},
            base_url="http://localhost/root",
            environ_base={"REMOTE_ADDR": TRUSTED},
        )
    )
    assert response.get_json()["type"] == "/root/errors/not-found"


def test_the_path_of_the_public_url_comes_last(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path, TRUSTED_PROXIES=TRUSTED, PUBLIC_URL="https://items.test/public/v1/"
    )
    client = create_app(settings).test_client()
    for headers, prefix in (({"X-Forwarded-Prefix": "/shop"}, "/shop"), ({}, "/public/v1")):
        response = client.get("/nowhere", headers=headers, environ_base={"REMOTE_ADDR": TRUSTED})
        assert response.get_json()["type"] == f"{prefix}/errors/not-found"
