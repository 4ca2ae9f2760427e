"""What `pip install -e .` and `uv run` build, and what make says to an old Python."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from openapi.document import VERSION

ROOT = Path(__file__).parent.parent
SHIPPED = ["api", "asgi.py", "migrations", "openapi", "schemas", "serving", "storage"]


def git_lists(*names: str) -> list[str]:
    listed = subprocess.check_output(["git", "ls-files", "-z", *names], cwd=ROOT, text=True)
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def test_the_package_holds_every_file_of_the_service(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in git_lists(*SHIPPED, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    build = f"import setuptools.build_meta as backend; backend.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"items_api-{VERSION}-")
    packed = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(packed) == sorted(git_lists(*SHIPPED))


def test_make_refuses_an_old_python_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    old.write_text(
        f"#!/bin/sh\nshift\nexec {sys.executable} -c "
        "\"import sys; sys.version_info = (3, 10, 13, 'final', 0)\n$1\"\n"
    )
    old.chmod(0o755)
    make = [
        "make",
        "--silent",
        f"VENV={tmp_path}/venv",
        f"PYTHON={old}",
        f"{tmp_path}/venv/runtime",
    ]
    made = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode != 0
    first, *rest = made.stderr.splitlines()
    assert (
        first == f"Python 3.11 or later is needed, and {old} is 3.10.13: try make PYTHON=python3.11"
    )
    # Make's own line; it counts itself where one make runs another, as `make test` does here.
    assert all(re.match(r"make(\[\d+\])?: \*\*\*", line) for line in rest)
    assert not (tmp_path / "venv").exists()
