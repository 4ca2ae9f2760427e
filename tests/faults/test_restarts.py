"""Processes are replaced under load: behind one socket, and each on a port of its own behind nginx.

bench/restarts.py does more of it.
"""

import json
import os
import signal
import ssl
from pathlib import Path

import pytest

from bench.fleet import Fleet
from bench.nginx import NGINX, Nginx
from bench.restarts import BEHIND_NGINX, CLIENTS, Certificate, Load
from tests.live import HUNG

needs_nginx = pytest.mark.skipif(
    NGINX is None and "CI" not in os.environ, reason="needs nginx: apt-get install nginx"
)


@pytest.mark.parametrize("http2", [False, True])
async def test_no_request_is_lost_by_a_restart(
    tmp_path: Path, http2: bool, long_form: bool
) -> None:
    certificate = Certificate(tmp_path)
    environ = certificate.settings() if http2 else {}
    with Fleet(tmp_path, {"SHUTDOWN_GRACE": str(HUNG), **environ}) as fleet:
        scheme = "https" if http2 else "http"
        load = Load(f"{scheme}://127.0.0.1:{fleet.ports[0]}", certificate.trusted, http2)
        async with load.running():
            for _ in range(3 if long_form else 1):
                await load.answers(30)
                assert await fleet.restart_oldest(signal.SIGTERM) == 0
            await load.answers(30)
    assert load.failures == []


async def test_a_killed_process_costs_its_own_requests_alone(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        load = Load(f"http://127.0.0.1:{fleet.ports[0]}", ssl.create_default_context())
        async with load.running():
            await load.answers(30)
            own = fleet.processes[0].clients()
            assert await fleet.restart_oldest(signal.SIGKILL) == -signal.SIGKILL
            await load.answers(30)
            # The one that is left, and the new one, both answer.
            assert await fleet.restart_oldest(signal.SIGTERM) == 0
            await load.answers(30)
    assert load.losers <= own


@needs_nginx
async def test_no_request_is_lost_by_a_restart_behind_nginx(
    tmp_path: Path, long_form: bool
) -> None:
    with (
        Fleet(tmp_path, BEHIND_NGINX, apart=True) as fleet,
        Nginx(tmp_path, fleet.ports) as nginx,
    ):
        one, two = (Load(nginx.address, nginx.trusted, http2) for http2 in (False, True))
        async with one.running(), two.running():
            for _ in range(2 if long_form else 1):
                await one.answers(30)
                await two.answers(30)
                assert await fleet.restart_oldest(signal.SIGTERM) == 0
            await one.answers(30)
            await two.answers(30)
    assert one.failures + two.failures == []


@needs_nginx
async def test_a_killed_process_behind_nginx_costs_the_writes_that_it_had_alone(
    tmp_path: Path,
) -> None:
    with (
        Fleet(tmp_path, BEHIND_NGINX, apart=True) as fleet,
        Nginx(tmp_path, fleet.ports) as nginx,
    ):
        killed = f"127.0.0.1:{fleet.processes[0].port}"
        load = Load(nginx.address, nginx.trusted)
        async with load.running():
            await load.answers(30)
            await fleet.restart_oldest(signal.SIGKILL)
            await load.answers(30)
    lines = [json.loads(line) for line in nginx.log.read_text().splitlines()]
    failed = [(line["method"], line["upstream"]) for line in lines if line["status"] >= 500]
    assert set(failed) <= {("POST", killed)}
    # Besides those, an answer may have been cut off that had begun. Each client had one request.
    assert len(failed) <= len(load.failures) <= CLIENTS
