"""A server on one core, wrk on the other."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SERVER_CORE, LOAD_CORE = "0", "1"


class MissingTool(SystemExit):
    """Says what to install."""


def require_wrk() -> None:
    """Raises MissingTool."""
    if shutil.which("wrk") is None:
        raise MissingTool("wrk is missing, which makes the load: apt-get install wrk")


@contextlib.contextmanager
def served(application: str) -> Iterator[str]:
    """Serve `application` (module:name) with Hypercorn; give its address once it answers.

    Default settings, in a folder of its own, with the log in a file.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        server = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "hypercorn", "--workers", "0",
             "--bind", f"fd://{listener.fileno()}", application],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )  # fmt: skip
        # The server's alone from now on: when it ends, connecting is refused.
        listener.close()
        try:
            yield f"http://127.0.0.1:{port}"
        except subprocess.CalledProcessError:
            print((Path(folder) / "log").read_text())
            raise
        finally:
            # Not asked to end: behind the stock wrapper, with requests in its queue, it never does.
            server.kill()
            server.wait()


def requests_per_second(url: str, *, connections: int, seconds: int) -> float:
    """What wrk counts, all of them right. Raises AssertionError if an answer was not 2xx."""
    subprocess.run(["curl", "-sf", "-o", "/dev/null", url], check=True)
    result = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
         "--timeout", "120s", url],
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert "Non-2xx" not in result.stdout, result.stdout
    assert "Socket errors" not in result.stdout, result.stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", result.stdout)
    assert found, result.stdout
    return float(found[1])
