"""The server that a program calls: a process of its own, with a database of its own."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from clients.generators.steps import Calls

ROOT = Path(__file__).parent.parent.parent
SETTINGS = {
    "FLASK_SKIP_DOTENV": "1",
    "HOST": "127.0.0.1",
    "PORT": "0",
    "LOG_FORMAT": "json",
    "AUTH_REQUIRED": "true",
    "IF_MATCH_REQUIRED": "true",
    "PYTHONPATH": str(ROOT),
}
"""Every call must send the token, and every change must send an ETag."""


@contextlib.contextmanager
def served() -> Iterator[tuple[str, Calls]]:
    """The address of a server, and the calls that it answers, which are complete at the end."""
    calls: Calls = []
    with TemporaryDirectory() as folder:
        database = {"DATABASE_URL": f"sqlite:///{folder}/items.db"}
        with subprocess.Popen(
            [sys.executable, ROOT / "asgi.py"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **SETTINGS, **database},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            address = _address(process.stdout)
            reader = threading.Thread(target=_read, args=(process.stdout, calls))
            reader.start()
            try:
                yield address, calls
            finally:
                process.terminate()
                reader.join()


def _address(log: IO[str]) -> str:
    lines = []
    for line in log:
        lines.append(line)
        if found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", line):
            return found[0]
    raise SystemExit("".join(["The server did not start:\n", *lines]))


def _read(log: IO[str], calls: Calls) -> None:
    for line in log:
        record = json.loads(line)
        if record["event"] == "request":
            calls.append((record["operation"], record["status"]))
