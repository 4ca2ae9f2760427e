"""Contestants as processes, each on the server's core with its own database."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from bench.contestants import Contestant
from bench.machine import Cores, MissingTool

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "build" / "bench" / "bin" / "python"
"""The Python of all contestants, from the environment that `make bench` makes
(requirements/bench.txt)."""

PATIENCE = 30
"""The seconds after which a server without a response counts as hung."""

SETTINGS = {"RATE_LIMIT": "1000000/second"}
"""The settings that aren't defaults: the rate limits are on, but high."""


class DidNotStart(Exception):
    """The server failed; the message contains its log."""


@dataclass
class Server:
    """A contestant that is running. `signed_in`: whether it has an admin."""

    contestant: Contestant
    address: str
    pid: int
    start_up: float
    """The seconds from starting the process to its first response."""
    folder: Path
    environ: dict[str, str]
    signed_in: bool = False

    def cpu(self) -> float:
        """Return the seconds of CPU time that the process and its children have used."""
        return sum(map(_cpu, _with_children(self.pid)))

    def token(self) -> str:
        """Return an access token of an admin of our own API, who is created the first time."""
        admin = {"email": "admin@example.com", "password": "a password of the benchmark"}
        command = ["-m", "flask", "--app", "api", "users", "create-admin", admin["email"]]
        if not self.signed_in:
            subprocess.run(
                [PYTHON, *command],
                cwd=self.folder,
                env=self.environ,
                input=admin["password"],
                text=True,
                check=True,
                capture_output=True,
            )
            self.signed_in = True
        form = {
            "grant_type": "password",
            "username": admin["email"],
            "password": admin["password"],
        }
        with urlopen(f"{self.address}/api/auth/token", urlencode(form).encode()) as response:
            token: str = json.load(response)["access_token"]
        return token

    def memory(self) -> float:
        """Return the MiB of the process and its children, with shared pages in proportion (PSS)."""
        return sum(map(_pss, _with_children(self.pid))) / 1024


@contextlib.contextmanager
def served(contestant: Contestant, cores: Cores, folder: Path, url: str) -> Iterator[Server]:
    """Start `contestant` in `folder` on the database at `url`; its log is a file there.

    It inherits no environment variables, so that each contestant has its defaults.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [part.format(port=port) for part in contestant.command]
    environ = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url,
        **SETTINGS,
        **({"LD_PRELOAD": str(slow_sync(folder))} if contestant.slow_sync else {}),
    }
    with (folder / "log").open("w") as log, cores.of_server():
        began = time.perf_counter()
        process = subprocess.Popen(
            [PYTHON, "-m", *command],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        if not _answers(process, f"{address}/api/health"):
            raise DidNotStart(f"{contestant.name}: {(folder / 'log').read_text()}")
        start_up = time.perf_counter() - began
        yield Server(contestant, address, process.pid, start_up, folder, environ)
    finally:
        # SIGTERM doesn't work with the stock wrapper: it never ends while requests are queued.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def slow_sync(folder: Path) -> Path:
    """Compile bench/slow_sync.c. Raises MissingTool."""
    library = folder / "slow_sync.so"
    if shutil.which("cc") is None:
        raise MissingTool("cc is missing: apt-get install gcc libc6-dev")
    source = Path(__file__).with_name("slow_sync.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return library


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _answers(process: "subprocess.Popen[bytes]", url: str) -> bool:
    """Wait until the server answers, or has ended, or takes too long."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(URLError, ConnectionError), urlopen(url, timeout=PATIENCE):
            return True
        time.sleep(0.002)  # on the load's core, so it doesn't slow the start
    return False


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _with_children(int(child))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    """Return the memory in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
