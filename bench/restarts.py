"""Replace processes under load, and count the requests that fail.

    python -m bench.restarts [restarts]

Clients send reads and writes without a pause while two processes are restarted in turns by SIGTERM:
over HTTP/1.1, and over HTTP/2 with TLS; behind one socket, and each behind nginx on a port of its
own, as on two machines. Then one is ended by SIGKILL as many times. tests/faults/test_restarts.py
does a few of each.
"""

import asyncio
import contextlib
import os
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import trustme

from bench.fleet import Fleet
from bench.nginx import Nginx
from tests.faults.test_circus import serving as circus

CLIENTS = 8
VERSIONS = {False: "HTTP/1.1", True: "HTTP/2"}
BEHIND_NGINX = {"SHUTDOWN_GRACE": "20", "TRUSTED_PROXIES": "127.0.0.1"}
"""As in production; nginx has closed the connections that it keeps before the API does."""
Request = tuple[str, str, object, int]

REQUESTS: Sequence[Request] = (
    ("POST", "/api/gizmos", {"name": "One of many"}, 201),
    ("GET", "/api/gizmos?limit=1", None, 200),
    ("GET", "/api/health", None, 200),
)
OF_EVERY_APP = REQUESTS[-1:]
"""Those of an application without the tests' own resources, such as Circus starts."""


class Client:
    """Sends one request after the other on one connection, and opens a new one if necessary."""

    def __init__(self, url: str, trusted: ssl.SSLContext, *, http2: bool) -> None:
        self.port = 0
        """The client's end of its connection."""
        self.connections = 0
        self._client = httpx.AsyncClient(
            base_url=url, verify=trusted, http1=not http2, http2=http2, timeout=60
        )

    async def request(self, method: str, path: str, body: object, status: int) -> None:
        """Send a request. Raises httpx.TransportError without a response, and AssertionError for a
        wrong status."""
        response = await self._client.request(
            method, path, json=body, extensions={"trace": self._trace}
        )
        if response.status_code != status:
            raise AssertionError(response.text)

    async def close(self) -> None:
        await self._client.aclose()

    async def _trace(self, event: str, info: dict[str, object]) -> None:
        if event == "connection.connect_tcp.complete":
            self.connections += 1
            stream = info["return_value"]
            self.port = stream.get_extra_info("client_addr")[1]  # type: ignore[attr-defined]  # httpcore's stream


@dataclass
class Load:
    """The requests of several clients until the end, and their results."""

    url: str
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    http2: bool = False
    requests: Sequence[Request] = REQUESTS
    answered: int = 0
    connections: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    """The errors, each with the port that the failed request came from."""
    _answer: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False

    @property
    def losers(self) -> set[int]:
        """The ports that failed requests came from."""
        return {port for port, _ in self.failures}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._send())
            yield
            self._over = True

    async def answers(self, more: int) -> None:
        """Wait until `more` requests have been answered."""
        wanted = self.answered + more
        while self.answered < wanted:
            self._answer.clear()
            await self._answer.wait()

    async def _send(self) -> None:
        client = Client(self.url, self.trusted, http2=self.http2)
        while not self._over:
            for request in self.requests:
                try:
                    await client.request(*request)
                    self.answered += 1
                    self._answer.set()
                except (httpx.TransportError, AssertionError) as error:
                    self.failures.append((client.port, repr(error)))
        await client.close()
        self.connections += client.connections


@dataclass
class Certificate:
    """Make a certificate for 127.0.0.1 in `folder`, and a TLS context that trusts it."""

    folder: Path
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def settings(self) -> dict[str, str]:
        authority, path = trustme.CA(), self.folder / "certificate.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
        authority.configure_trust(self.trusted)
        return {"TLS_CERTFILE": str(path)}


async def restart(fleet: Fleet, load: Load, restarts: int, *, title: str) -> None:
    codes = []
    began = time.perf_counter()
    async with load.running():
        for _ in range(restarts):
            await load.answers(50)
            codes.append(await fleet.restart_oldest(signal.SIGTERM))
    print(
        f"{title}: {restarts} restarts in {time.perf_counter() - began:.0f} s, {load.answered} "
        f"answered on {load.connections} connections, {len(load.failures)} failed "
        f"{load.failures[:3] or ''}, exit codes {set(codes)}"
    )


async def restart_on_one_socket(folder: Path, restarts: int, *, http2: bool) -> None:
    certificate = Certificate(folder)
    environ = certificate.settings() if http2 else {}
    with Fleet(folder, environ) as fleet:
        scheme = "https" if http2 else "http"
        load = Load(f"{scheme}://127.0.0.1:{fleet.ports[0]}", certificate.trusted, http2)
        await restart(fleet, load, restarts, title=f"on one socket, {scheme}, {VERSIONS[http2]}")


async def restart_behind_nginx(folder: Path, restarts: int, *, http2: bool) -> None:
    with Fleet(folder, BEHIND_NGINX, apart=True) as fleet, Nginx(folder, fleet.ports) as nginx:
        load = Load(nginx.address, nginx.trusted, http2)
        await restart(fleet, load, restarts, title=f"behind nginx, {VERSIONS[http2]}")


async def kill(folder: Path, kills: int) -> None:
    """Kill a process, and find out whose requests fail."""
    foreign = 0
    with Fleet(folder) as fleet:
        load = Load(f"http://127.0.0.1:{fleet.ports[0]}")
        async with load.running():
            for _ in range(kills):
                await load.answers(50)
                before, own = load.losers, fleet.processes[0].clients()
                await fleet.restart_oldest(signal.SIGKILL)
                await load.answers(50)
                foreign += len(load.losers - before - own)
    print(
        f"kill -9: {kills} times, {load.answered} answered, {len(load.failures)} failed, of them "
        f"{foreign} at the other process"
    )


async def kill_under_circus(folder: Path, kills: int) -> None:
    """Return the seconds until the next process is ready."""
    away = []
    with circus(folder, 2) as supervisor:
        load = Load(supervisor.address, requests=OF_EVERY_APP)
        async with load.running():
            for _ in range(kills):
                await load.answers(50)
                killed = min(await asyncio.to_thread(supervisor.processes))
                began = time.perf_counter()
                os.kill(killed, signal.SIGKILL)
                await asyncio.to_thread(supervisor.wait_for, "Running on")
                away.append(time.perf_counter() - began)
    print(
        f"kill -9 under Circus: {kills} times, {load.answered} answered, {len(load.failures)} "
        f"failed; the next was ready in {median(away):.2f} s (median), {max(away):.2f} s (slowest)"
    )


async def main(times: int) -> None:
    print(f"load average {os.getloadavg()[0]:.1f}")
    for measure in (restart_on_one_socket, restart_behind_nginx):
        for http2 in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                await measure(Path(folder), times, http2=http2)
    for measure_kills in (kill, kill_under_circus):
        with tempfile.TemporaryDirectory() as folder:
            await measure_kills(Path(folder), times)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
