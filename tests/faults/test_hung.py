"""A process that hangs: behind nginx another one answers, and a watchdog ends it."""

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import httpx

from bench.fleet import Fleet
from bench.nginx import Nginx
from bench.restarts import BEHIND_NGINX
from tests.faults.test_restarts import needs_nginx
from tests.live import HUNG
from tests.serving.test_runner import running


@needs_nginx
async def test_behind_nginx_a_hung_process_is_set_aside(tmp_path: Path) -> None:
    """Idempotent requests that it has got are sent to the other process; later requests don't wait
    for it."""
    with (
        Fleet(tmp_path, BEHIND_NGINX, apart=True) as fleet,
        # After 10 seconds nginx would try the hung process again, which depends on the clock.
        Nginx(tmp_path, fleet.ports, **{"fail_timeout=10s": "fail_timeout=1h"}) as nginx,
    ):
        hung = fleet.processes[0]
        os.kill(hung.pid, signal.SIGSTOP)
        async with httpx.AsyncClient(
            base_url=nginx.address, verify=nginx.trusted, timeout=HUNG
        ) as client:
            gets = [client.get("/api/gizmos") for _ in range(10)]
            posts = [client.post("/api/gizmos", json={"name": "One"}) for _ in range(10)]
            first = await asyncio.gather(*gets, *posts)
            later = [await client.post("/api/gizmos", json={"name": "One"}) for _ in range(50)]
    assert {answer.status_code for answer in first[:10]} == {200}
    # A request that may not be repeated is answered too, and says when it may be tried again.
    failed = [answer for answer in first[10:] if answer.status_code != 201]
    assert {(a.status_code, a.headers["Retry-After"]) for a in failed} <= {(504, "1")}
    assert {answer.status_code for answer in later} == {201}
    lines = [json.loads(line) for line in nginx.log.read_text().splitlines()]
    waited = [line for line in lines if f":{hung.port}" in line["upstream"]]
    assert 0 < len(waited) < 20
    assert all("504" in line["upstream_status"] for line in waited)
    assert all(f":{hung.port}" not in line["upstream"] for line in lines[20:])


SERVICE = """
import logging
import threading
from serving import Bridge
from serving.config import Options
from serving.runner import run

def hang_forever(environ, start_response):
    threading.Event().wait()

logging.basicConfig(level=logging.INFO)
run(Bridge(hang_forever), Options(watchdog_usec=1_000_000))
"""


def test_a_watchdog_ends_a_process_whose_loop_is_stuck_and_shows_where(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(SERVICE)
    with running(tmp_path, ("hanging",)) as server:
        server.wait_until_it_listens()
        with socket.create_connection(("127.0.0.1", server.port), HUNG) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            code, log = server.end()
    assert (code, "Timeout" in log, "in hang_forever" in log) == (1, True, True)
