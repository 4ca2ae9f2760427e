"""Attack a server, and measure the effect on another client.

    python -m bench.attacks [requests]

Each attack (bench/hostile.py) is a process that runs against a server of its own, `python asgi.py`
with 1,024 descriptors and its default settings; the HTTP/2 ones go through TLS. A client at another
address reads /api/health and an item meanwhile, one request after the other, on one
connection and then on a new one for each. Writes bench/ATTACKS.md.
"""

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import trustme

from bench.fleet import ROOT
from bench.hostile import PLAIN, TLS
from bench.machine import described

OTHER = "127.0.0.2"
"""The client's address."""

DESCRIPTORS = 1024
SERVING = (sys.executable, "-m", "tests.asgi")
BIG = {"name": "n" * 200, "description": "d" * 2000, "tags": [f"{n:050}" for n in range(20)]}
PAGE = Path(__file__).with_name("ATTACKS.md")
SLOWER, MEMORY, LINES = 0.1, 100.0, 100
"""The targets: seconds, megabytes, and log lines besides those of requests."""


@dataclass
class Service:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    log: Path
    address: str
    trusted: ssl.SSLContext | bool

    def megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def lines(self) -> list[str]:
        """Return the logger names of all lines so far."""
        text = self.log.read_text()
        return [json.loads(line).get("logger", "") for line in text.splitlines()]

    def client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(
            verify=self.trusted, local_address=OTHER, http2=bool(self.trusted)
        )
        return httpx.AsyncClient(base_url=self.address, transport=transport, timeout=60)


@dataclass
class Measured:
    """The times that the client measured, in seconds, and the state of the server."""

    seconds: list[float] = field(default_factory=list)
    megabytes: float = 0
    lines: int = 0
    requests: int = 0
    failures: int = 0


@contextlib.contextmanager
def served(folder: Path, *, tls: bool) -> Iterator[Service]:
    trusted: ssl.SSLContext | bool = False
    environ = {"PORT": "0", "LOG_FORMAT": "json"}
    if tls:
        trusted, authority = ssl.create_default_context(), trustme.CA()
        certificate = folder / "certificate.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.configure_trust(trusted)
        environ["TLS_CERTFILE"] = str(certificate)
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh", *SERVING],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stderr=file,
        )
    try:
        yield Service(process, log, wait_for_address(log, process), trusted)
    finally:
        process.kill()
        process.wait()


def wait_for_address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    while process.poll() is None:
        for line in log.read_text().splitlines():
            _, found, rest = line.partition("Running on ")
            if found and rest.endswith("}"):
                return rest.split('"')[0]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@contextlib.contextmanager
def attacked(name: str, service: Service) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.hostile", name, service.address.rpartition(":")[2]]
    with subprocess.Popen(["nice", *command], cwd=ROOT, stdout=subprocess.PIPE) as attacker:
        try:
            assert attacker.stdout is not None
            attacker.stdout.readline()
            yield
            if attacker.poll() is not None:
                raise AssertionError(f"{name}: the attacker ended with {attacker.returncode}")
        finally:
            attacker.kill()


async def ask(service: Service, item: str, requests: int, measured: Measured) -> None:
    """Send half of the requests on one connection, and half on a new connection each."""
    async with service.client() as kept:
        for number in range(requests):
            path = item if number % 2 else "/api/health"
            async with contextlib.AsyncExitStack() as stack:
                client = kept
                if number >= requests // 2:
                    client = await stack.enter_async_context(service.client())
                began = time.perf_counter()
                try:
                    response = await client.get(path)
                    measured.failures += response.status_code != 200
                except httpx.TransportError:
                    measured.failures += 1
                measured.seconds.append(time.perf_counter() - began)
            measured.megabytes = max(measured.megabytes, service.megabytes())


async def measure(name: str, requests: int) -> tuple[Measured, Measured]:
    """Measure without and with the attack; memory and log lines are what the attack added."""
    before, during = Measured(), Measured()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), tls=name in TLS) as service:
        async with service.client() as client:
            for _ in range(200):
                item = (await client.post("/api/gizmos", json=BIG)).headers["Location"]
        await ask(service, item, requests, before)
        begun = len(service.lines())
        with attacked(name, service):
            ended = time.perf_counter() + 2  # until the attack has reached its full rate
            while time.perf_counter() < ended:
                await ask(service, item, 2, Measured())
                await asyncio.sleep(0.1)
            await ask(service, item, requests, during)
        during.megabytes -= before.megabytes
        loggers = service.lines()[begun:]
        during.requests = loggers.count("request")
        during.lines = len(loggers) - during.requests
    return before, during


def row(name: str, before: Measured, during: Measured) -> str:
    typical = median(before.seconds), median(during.seconds)
    slowest = max(before.seconds), max(during.seconds)
    reached = (
        typical[1] - typical[0] <= SLOWER
        and slowest[1] - slowest[0] <= SLOWER
        and during.megabytes <= MEMORY
        and during.lines <= LINES
        and not during.failures
    )
    cells = [
        name,
        *(f"{1000 * a:.1f} → {1000 * b:.1f} (x{b / a:.1f})" for a, b in (typical, slowest)),
        str(during.failures),
        f"{during.megabytes:+.0f}",
        f"{during.lines} + {during.requests}",
        "yes" if reached else "**no**",
    ]
    return f"| {' | '.join(cells)} |"


ABOUT = """\
# Attacks

Written by `python -m bench.attacks`: {requests} requests of another client without and {requests}
with each attack, against a server with {descriptors} descriptors and default settings. {machine}

Wanted: no more than 100 ms slower (median and slowest), none failed, 100 MB, and 100 lines of the
log besides those of requests, of which each has one.

| attack | median, ms | slowest, ms | failed | MB | lines of the log + requests | reached |
| --- | --- | --- | --- | --- | --- | --- |
"""


async def main(requests: int) -> None:
    # The load average is read before the attacks.
    machine = " ".join(described())
    rows = []
    for name in (*TLS, *PLAIN):
        rows.append(row(name, *await measure(name, requests)))
        print(rows[-1], flush=True)
    head = ABOUT.format(requests=requests, descriptors=DESCRIPTORS, machine=machine)
    PAGE.write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
