"""Dockerfile and deploy/compose.yaml, as far as that goes without Docker."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from api.config.settings import Settings
from serving.server import LINGER
from tests.factory import SECRET_KEY
from tests.processes import ROOT, command_started

COMPOSE = ROOT / "deploy" / "compose.yaml"
SITE = ROOT / "deploy" / "nginx" / "site"
KEPT = {"postgres", "redis", "nginx", "api1", "api2"}
"""The services that stay; the other one is a job."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return parsed


def default_of(setting: str) -> int:
    return int(Settings.__dataclass_fields__[setting].metadata["defaults"]["production"])


def number(pattern: str, path: Path) -> int:
    [found] = re.findall(pattern, path.read_text())
    return int(found)


def test_the_compose_file_is_one() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    subprocess.run([*command, str(COMPOSE)], check=True)


def test_the_dockerfile_is_as_its_linter_wants_it() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    subprocess.run([linter, str(ROOT / "Dockerfile")], check=True)


def test_every_image_can_be_pinned_by_its_digest(compose: dict[str, Any]) -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    services = compose["services"]
    variables = {name: f"${{{name.upper()}_IMAGE:-" for name in ("nginx", "postgres", "redis")}
    for name, start in variables.items():
        assert services[name]["image"].startswith(start)
    ours = [services[name] for name in services.keys() - variables]
    assert all(service["build"]["args"]["PYTHON_IMAGE"] for service in ours)
    assert len(ours) == 3


def test_no_service_may_more_than_it_must(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == KEPT | {"migrate"}
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"]), name
        assert service["restart"] == ("unless-stopped" if name in KEPT else "no"), name
        assert ("ports" in service) == (name == "nginx"), name
        assert ":latest" not in service["image"].replace("${API_VERSION:-latest}", ""), name


def test_the_compose_file_contains_no_secrets(compose: dict[str, Any]) -> None:
    text = COMPOSE.read_text()
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "TLS_CERTIFICATE", "TLS_KEY"):
        assert f"${{{name}:?" in text
    environment = compose["services"]["api1"]["environment"]
    assert environment == compose["services"]["migrate"]["environment"]
    assert set(environment) <= {name.upper() for name in Settings.__dataclass_fields__}


def test_nginx_and_the_processes_find_each_other(compose: dict[str, Any]) -> None:
    addresses = {
        name: service["networks"]["front"]["ipv4_address"]
        for name, service in compose["services"].items()
        if "front" in service["networks"]
    }
    servers = re.findall(
        r"^ *server ([0-9.]+):8000 ", (SITE / "http.conf").read_text(), re.MULTILINE
    )
    assert servers == 2 * [addresses["api1"], addresses["api2"]]  # the second time as backups
    trusted = compose["services"]["api1"]["environment"]["TRUSTED_PROXIES"]
    assert trusted == addresses["nginx"]
    assert "PORT=8000" in (ROOT / "Dockerfile").read_text()


def test_containers_have_enough_time_to_stop(compose: dict[str, Any]) -> None:
    api = compose["services"]["api1"]
    delay, grace = (int(api["environment"][f"SHUTDOWN_{name}"]) for name in ("DELAY", "GRACE"))
    assert int(api["stop_grace_period"].removesuffix("s")) > delay + grace
    assert grace >= 2 * LINGER


def test_the_limits_of_nginx_are_those_of_the_api() -> None:
    size = number(r"client_max_body_size (\d+);", SITE / "server.conf")
    assert size == default_of("max_body_bytes")
    kept = number(r"keepalive_timeout (\d+)s;", SITE / "http.conf")
    assert kept < min(LINGER, default_of("keep_alive_timeout"))


def test_the_image_contains_what_migrating_and_serving_need(tmp_path: Path) -> None:
    copied = re.findall(r"^COPY (\S+) (?:\./|\1)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text()
    assert len(copied) == 7
    for name in copied:
        assert f"\n!{name}\n" in ignored
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    environ = {
        "ENVIRONMENT": "production",
        "PYTHONPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/api.db",
        "SHUTDOWN_DELAY": "0",
        "DOCS_ENABLED": "true",
        "PORT": "0",
    }
    flask = [sys.executable, "-m", "flask", "--app", "api", "db", "upgrade"]
    subprocess.run(flask, cwd=tmp_path, env=environ, check=True)
    with command_started(tmp_path, sys.executable, "-m", "asgi", **environ) as address:
        assert httpx.get(f"{address}/api/ready").status_code == 200
        assert httpx.get(f"{address}/docs").status_code == 200
        subprocess.run(
            [sys.executable, "-c", health_check()],
            env={"PORT": address.rpartition(":")[2]},
            check=True,
        )
    failed = subprocess.run(
        [sys.executable, "-c", health_check()],
        env={"PORT": address.rpartition(":")[2]},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert failed.returncode == 1


def health_check() -> str:
    """The program of the Dockerfile's HEALTHCHECK."""
    [words] = re.findall(r"^    CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    python, option, program = yaml.safe_load(words)
    assert (python, option) == ("python", "-c")
    return str(program)
