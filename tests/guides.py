"""Pages of docs/ that tests follow to the letter in a copy of the repository.

A block ```sh is run, a block ```python file=… is written, and a block ```diff file=… is applied.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, unmeasured

BLOCK = re.compile(
    r"^```(sh|(?:python|diff)(?= file))(?: file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


def blocks_of(page: Path) -> list[tuple[str, str, str]]:
    """The kind, the file and the content of each."""
    return BLOCK.findall(page.read_text())


def copied(folder: Path) -> Path:
    """A copy of what a commit would have, as a repository of its own in `folder`, with what mypy
    knows of it already, if it has run before."""
    folder /= "copy"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=ROOT, text=True)
    for name in listed.strip("\0").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    for command in (["git", "init", "--quiet"], ["git", "add", "."]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def run(folder: Path, *command: str) -> str:
    """What the command prints in the copy; the test fails if the command does."""
    tools = Path(sys.executable).parent
    environ = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "FLASK_SKIP_DOTENV": "1",
        "CI": "",  # the clients are not generated here
        # Each run has folders of its own, and cleans up no other.
        "PYTEST_ADDOPTS": f"-q --basetemp={folder.parent / 'runs'}",
    }
    result = subprocess.run(
        command,
        cwd=folder,
        env={**unmeasured(), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def follow(page: Path, folder: Path) -> None:
    for kind, name, content in blocks_of(page):
        path = folder / name
        if kind == "sh":
            run(folder, "sh", "-ec", content)
        elif kind == "diff":
            apply(content, path)
        else:
            assert not path.exists()
            path.write_text(content)


def apply(diff: str, path: Path) -> None:
    """Replace each run of `-` lines by the run of `+` lines after it."""
    text = path.read_text()
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        before, after = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in (old, new))
        assert text.count(before) == 1, f"{path.name} has changed: mend the page\n{before}"
        text = text.replace(before, after)
    path.write_text(text)
