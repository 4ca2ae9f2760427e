"""`make clients`: generate the clients, run their programs, write the results down.

    python -m clients.generators [NAME…]

NAME: a client of generators.toml; without one, all of them. The results go to results.json, and the
table in docs/clients.md is made from that.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from clients.generators.server import ROOT, served
from clients.generators.steps import outcome
from clients.generators.table import PAGE, RESULTS, with_table

HERE = Path(__file__).parent
BUILD = ROOT / "build" / "generators"
ENVIRONMENT = ROOT / "build" / "clients"
JAR = "openapi_generator_cli/openapi-generator.jar"


class DidNotSucceed(Exception):
    """A command failed; the message contains what it printed."""


def main(names: list[str]) -> None:
    described = tomllib.loads((HERE / "generators.toml").read_text())
    clients = {client["name"]: client for client in described["client"]}
    if unknown := set(names) - set(clients):
        raise SystemExit(f"{', '.join(unknown)}: none of {', '.join(clients)}")
    chosen = {name: clients[name] for name in names or clients}
    require(chosen)
    prepare()
    commands = placeholders(described["commands"])
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, client in chosen.items():
        problems = result_of(client, commands)
        print(name, *(problems or ["passes"]), sep="\n  ", flush=True)
        results[name] = {
            "generator": client["package"],
            "version": version_of(client["package"]),
            "language": client["language"],
            "options": client["options"],
            "problems": problems,
        }
    ordered = {name: results[name] for name in clients if name in results}
    RESULTS.write_text(json.dumps(ordered, indent=2) + "\n")
    PAGE.write_text(with_table(PAGE.read_text(), ordered))


def prepare() -> None:
    """Lay out the document and the TypeScript programs beside the installed packages."""
    shutil.copytree(HERE / "typescript", BUILD / "typescript", dirs_exist_ok=True)
    for folder in (BUILD, BUILD / "typescript"):
        shutil.copy(ROOT / "docs" / "openapi.json", folder)


def require(clients: dict[str, Any]) -> None:
    """Stop with a message if the machine lacks what a client needs."""
    needs = {"java": "default-jdk-headless", "npm": "npm"}
    for client in clients.values():
        needs |= client.get("needs", {})
    missing = [
        package
        for need, package in needs.items()
        if not (shutil.which(need) or (Path(need).is_absolute() and Path(need).exists()))
    ]
    if missing:
        raise SystemExit(f"On Debian: apt-get install {' '.join(missing)}")


def placeholders(commands: dict[str, str]) -> dict[str, str]:
    """The values of what generators.toml has in braces."""
    values = {
        "jar": " ".join(map(str, ENVIRONMENT.glob(f"lib/*/site-packages/{JAR}"))),
        "python": str(ENVIRONMENT / "bin" / "python"),
        "bin": str(Path(sys.executable).parent),
        "programs": str(HERE),
        "build": str(BUILD),
    }
    return values | {name: command.format(**values) for name, command in commands.items()}


def result_of(client: dict[str, Any], values: dict[str, str]) -> list[str]:
    """What went wrong; nothing if the client did all that it had to."""
    folder = BUILD / "typescript" if client["language"] == "TypeScript" else BUILD
    shutil.rmtree(folder / client["name"], ignore_errors=True)
    *preparations, program = [shlex.split(each.format(**values)) for each in client["commands"]]
    try:
        for command in preparations:
            run(folder, *command)
        with served() as (address, calls):
            printed = run(folder, *program, address)
    except DidNotSucceed as error:
        return [str(error)]
    return outcome(printed.splitlines(), calls)


def run(folder: Path, *command: str) -> str:
    """What the command prints. Raises DidNotSucceed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        (BUILD / "failure.log").write_text(done.stdout + done.stderr)
        lines = (done.stdout + done.stderr).strip().splitlines()
        lines = [line for line in lines if "rror" in line] or lines
        reason = " ".join(lines[:3]).replace(f"{ROOT}/", "")
        raise DidNotSucceed(f"{Path(command[0]).name}: {reason}")
    return done.stdout


def version_of(package: str) -> str:
    """The version that a lock file names."""
    npm = json.loads((HERE / "typescript" / "package-lock.json").read_text())["packages"]
    if found := npm.get(f"node_modules/{package}"):
        return str(found["version"])
    locks = [ROOT / "requirements" / name for name in ("clients.txt", "development.txt")]
    pinned = rf"^{package}==(\S+)"
    [version] = re.findall(pinned, "".join(lock.read_text() for lock in locks), re.MULTILINE)
    return str(version)


if __name__ == "__main__":
    main(sys.argv[1:])
