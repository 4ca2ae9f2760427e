"""A file system that is really small, to be filled. It takes the rights of root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """`folder`, in which `mount …` puts something. Skips the test if that isn't allowed."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a file system")
    result = subprocess.run(
        ["mount", *options, folder], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        pytest.skip(f"root may not mount a file system here: {result.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs") as disk:
        yield disk


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no block of it free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()
