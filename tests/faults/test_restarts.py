"""Processes behind one socket are replaced under load; bench/restarts.py does more of it."""

import signal
import ssl
from pathlib import Path

import pytest

from bench.fleet import Fleet
from bench.restarts import Certificate, Load
from tests.live import HUNG

RESTARTS = 3


@pytest.mark.parametrize("http2", [False, True])
async def test_no_request_is_lost_by_a_restart(tmp_path: Path, http2: bool) -> None:
    certificate = Certificate(tmp_path)
    environ = certificate.settings() if http2 else {}
    with Fleet(tmp_path, SHUTDOWN_GRACE=str(HUNG), **environ) as fleet:
        scheme = "https" if http2 else "http"
        load = Load(f"{scheme}://127.0.0.1:{fleet.port}", certificate.trusted, http2)
        async with load.running():
            for _ in range(RESTARTS):
                await load.answers(30)
                assert await fleet.restart_oldest(signal.SIGTERM) == 0
            await load.answers(30)
    assert load.failures == {}


async def test_a_killed_process_costs_its_own_requests_alone(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        load = Load(f"http://127.0.0.1:{fleet.port}", ssl.create_default_context())
        async with load.running():
            await load.answers(30)
            own = fleet.processes[0].clients()
            assert await fleet.restart_oldest(signal.SIGKILL) == -signal.SIGKILL
            await load.answers(30)
            # The one that is left, and the new one, both answer.
            assert await fleet.restart_oldest(signal.SIGTERM) == 0
            await load.answers(30)
    assert set(load.failures) <= own
