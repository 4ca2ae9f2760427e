"""The units in deploy/systemd/, by systemd's own tools where they are installed."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.config.settings import Settings
from serving.connections import DEFAULT_CONNECTIONS, RESERVED
from tests.factory import SECRET_KEY
from tests.live import HUNG
from tests.processes import ROOT, environment

DEPLOY = ROOT / "deploy"
STOPPING = ("shutdown_delay", "shutdown_grace")
UNIT = "systemd/items-api@.service"
INSTALLED = "/opt/items-api/.venv/bin/python"

needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
needs_activate = pytest.mark.skipif(
    not shutil.which("systemd-socket-activate"), reason="needs systemd"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy of the units, with an interpreter that is there."""
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace(INSTALLED, sys.executable)
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    return tmp_path


def value_of(file: str, key: str) -> str:
    """What a file says for `key`, which it has once."""
    lines = (DEPLOY / file).read_text().splitlines()
    pairs = (line.partition("=") for line in lines)
    [value] = [value.strip() for name, _, value in pairs if name.strip() == key]
    return value


@needs_analyze
def test_systemd_has_nothing_to_say_against_the_units(units: Path) -> None:
    paths = [str(path) for path in units.iterdir()]
    assert len(paths) == 2
    assert analyze("verify", "--man=no", *paths) == ""


@needs_analyze
def test_the_service_can_reach_little_else(units: Path) -> None:
    """The threshold is an exposure from 0 to 100, as systemd makes it out."""
    assert analyze("security", "--offline=true", "--threshold=15", f"{units}/items-api@1.service")


def analyze(*words: str) -> str:
    """What `systemd-analyze` says, once it is content."""
    command = ["systemd-analyze", *words]
    return subprocess.check_output(command, stderr=subprocess.STDOUT, text=True)


@needs_activate
def test_the_service_starts_on_the_socket_as_systemd_hands_it_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        **dict(pair.split("=") for pair in value_of(UNIT, "Environment").split()),
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/api.db",
        "AUTO_MIGRATE": "true",
        "PROMETHEUS_MULTIPROC_DIR": f"{tmp_path}/metrics",
    }
    given = [word for name, value in settings.items() for word in ("-E", f"{name}={value}")]
    start = value_of(UNIT, "ExecStart").replace(INSTALLED, sys.executable)
    start = start.replace("/opt/items-api", str(ROOT))
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", *given, *start.split()]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Listening on")
            ready = httpx.get(f"http://127.0.0.1:{port}/api/ready", timeout=HUNG)
            assert ready.status_code == 200
            process.terminate()
            log = process.communicate(timeout=HUNG)[1]
            assert (process.returncode, "Traceback" in log) == (0, False)
        finally:
            process.kill()


def test_what_clients_can_take_is_limited_and_a_stuck_process_ended() -> None:
    assert int(value_of(UNIT, "LimitNOFILE")) > DEFAULT_CONNECTIONS + RESERVED
    soft, most = (
        int(value_of(UNIT, f"Memory{name}").removesuffix("M")) for name in ("High", "Max")
    )
    assert soft < most
    assert value_of(UNIT, "Type") == "notify"  # else systemd expects no sign of life
    assert 0 < int(value_of(UNIT, "WatchdogSec")) < int(value_of(UNIT, "TimeoutStopSec"))
    nginx = (DEPLOY / "nginx" / "nginx.conf").read_text()
    connections, descriptors = (
        int(re.findall(rf"^ *worker_{name} (\d+);", nginx, re.MULTILINE)[0])
        for name in ("connections", "rlimit_nofile")
    )
    assert descriptors >= connections + RESERVED


def test_the_supervisors_wait_for_longer_than_the_service_takes_to_end() -> None:
    defaults = {name: Settings.__dataclass_fields__[name].metadata["defaults"] for name in STOPPING}
    longest = sum(int(default["production"]) for default in defaults.values())
    assert int(value_of(UNIT, "TimeoutStopSec")) > longest
    assert int(value_of("circus.ini", "graceful_timeout")) > longest
