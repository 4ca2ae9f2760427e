"""The generated clients (make sdk), and apps that use them."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from api.config.settings import Settings
from tests.factory import settings_for
from tests.processes import ROOT

SDK = ROOT / "build" / "sdk"

# It imports what may not be there; test_generated.py says so then.
collect_ignore_glob = [] if (SDK / "python").is_dir() else ["test_python_*.py"]


def missing(what: str) -> NoReturn:
    """Skip the test, except in CI, where nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def generated(target: str) -> Path:
    """The folder of the client whose last file is `target`."""
    made = ["make", "--silent", "--question", f"build/sdk/{target}"]
    if subprocess.run(made, cwd=ROOT, check=False).returncode:
        missing("these tests need the clients as generated from docs/openapi.json: make sdk")
    return (SDK / target).parent


@pytest.fixture(scope="session")
def python_sdk() -> Path:
    return generated("python/pyproject.toml")


@pytest.fixture(scope="session")
def typescript_sdk() -> Path:
    if shutil.which("npm") is None:
        missing("these tests need Node.js 18 or later, with npm: apt-get install nodejs npm")
    return generated("typescript/index.js")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(
        tmp_path, DATABASE_URL=database_url, MAX_BODY_BYTES="10000", IF_MATCH_REQUIRED="true"
    )


class TypeScriptApp:
    """An app of its own in `folder`, with the client installed as npm installs a folder."""

    def __init__(self, folder: Path, sdk: Path) -> None:
        self.folder = folder
        self._compiler = sdk / "node_modules" / ".bin" / "tsc"
        modules = folder / "node_modules"
        modules.mkdir(parents=True)
        (modules / "items-api-client").symlink_to(sdk)
        (modules / "@types").symlink_to(sdk / "node_modules" / "@types")
        (folder / "package.json").write_text('{"type": "module"}')
        options = json.loads((sdk / "tsconfig.json").read_text())["compilerOptions"]
        assert options["strict"]
        (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))

    def compile(self) -> None:
        """Check the types of every file and make JavaScript of it."""
        done = self._run(self._compiler, "--project", self.folder)
        assert done.returncode == 0, done.stdout

    def node(self, *arguments: str | Path, **environ: str) -> str:
        """What `node arguments` prints, where `environ` is in its environment."""
        done = self._run("node", *arguments, **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run(self, *command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def app_of_tests(typescript_sdk: Path, tmp_path_factory: pytest.TempPathFactory) -> TypeScriptApp:
    """The programs beside this file, compiled."""
    app = TypeScriptApp(tmp_path_factory.mktemp("app"), typescript_sdk)
    for path in Path(__file__).parent.glob("*.ts"):
        shutil.copy(path, app.folder)
    app.compile()
    return app
