"""The example app as `npm run build` makes it, and a web server for it on an origin of its own."""

import functools
import os
import shutil
import subprocess
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.processes import ROOT

SOURCE = ROOT / "examples" / "spa"
BUILT_FOR = "http://api.invalid"
"""The API's address in the build, in index.html alone: there the server puts the real one."""


def missing() -> str | None:
    """What the app can't be built without."""
    if shutil.which("npm") is None:
        return "these tests need Node.js with npm: https://nodejs.org"
    if not (SOURCE / "node_modules").exists():
        return "these tests need what `npm ci` installs in examples/spa"
    return None


def build(folder: Path) -> None:
    """Build the app into `folder`. Raises AssertionError with what the build printed."""
    result = subprocess.run(
        ["npm", "run", "build", "--", "--outDir", str(folder)],
        cwd=SOURCE,
        env={**os.environ, "VITE_API_URL": BUILT_FOR},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


class Site(ThreadingHTTPServer):
    """Serves a build for the API at `api`, which may be said later than the server starts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
        self.index = (folder / "index.html").read_text()
        self.api = BUILT_FOR

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Files(SimpleHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/":
            super().do_GET()
            return
        page = self.server.index.replace(BUILT_FOR, self.server.api).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""
