"""What the service makes is its owner's alone, whatever the umask."""

import asyncio
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import open_database
from storage.engines.private_files import make_private_folder


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    try:
        yield request.param
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders(tmp_path: Path, umask: int) -> None:
    make_private_folder(tmp_path / "a" / "b")
    make_private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


async def test_the_database_and_the_files_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with open_database(f"sqlite:///{tmp_path}/data/api.db", auto_migrate=True):
            files = {path.name: mode(path) for path in (tmp_path / "data").iterdir()}
    finally:
        os.umask(before)
    assert files == dict.fromkeys(["api.db", "api.db-wal", "api.db-shm"], 0o600)
    assert mode(tmp_path / "data") == 0o700


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "warned"),
    [
        (0o755, 0o644, True),
        (0o750, 0o640, True),
        (0o705, 0o640, False),
        (0o700, 0o644, False),
        (0o755, 0o600, False),
    ],
)
def test_existing_files_keep_their_mode_with_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    folder_mode: int,
    file_mode: int,
    warned: bool,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    file = folder / "api.db"
    file.touch()
    folder.chmod(folder_mode)
    file.chmod(file_mode)

    async def use() -> None:
        async with open_database(f"sqlite:///{file}", auto_migrate=True):
            pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(use())
    assert (mode(folder), mode(file)) == (folder_mode, file_mode)
    assert any("other users" in message for message in caplog.messages) is warned
