"""The secret key of development, which the first start makes and keeps in a file."""

import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.config.declaration import SettingsError
from api.config.environment import load_settings
from tests.processes import environment, run

pytestmark = pytest.mark.usefixtures("working_directory")


def test_development_makes_one_secret_key_and_keeps_it(tmp_path: Path) -> None:
    first, second = load_settings({}), load_settings({})
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    file = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "warned"),
    [(0o755, 0o644, True), (0o750, 0o660, True), (0o700, 0o644, False), (0o755, 0o600, False)],
)
def test_a_start_warns_of_a_key_file_that_others_can_read(
    tmp_path: Path, folder_mode: int, file_mode: int, warned: bool
) -> None:
    load_settings({})
    file = tmp_path / "data" / "secret_key"
    file.parent.chmod(folder_mode)
    file.chmod(file_mode)
    # No such descriptor is open, so the server ends after its first log lines.
    ended = run(tmp_path, "asgi", LISTEN_FD="1000", SECRET_KEY="")
    assert "exposure" in ended.stderr
    assert ("secret_key_exposed" in ended.stderr) is warned
    assert stat.S_IMODE(file.stat().st_mode) == file_mode


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"too short to sign", b" " * 40, b"\xff" * 40, b"x" * 31 + b"\n"]
)
def test_a_key_file_with_a_key_that_is_too_short_stops_the_start(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "secret_key"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as stop:
        load_settings({})
    assert str(stop.value) == (
        "data/secret_key is not allowed as a secret key: 32 bytes or more, with 8 different "
        "characters or more; delete the file to have a new key made"
    )
    assert file.read_bytes() == content


@pytest.mark.parametrize("what", ["data/secret_key", "data"])
def test_a_key_file_that_cannot_be_read_stops_the_start(tmp_path: Path, what: str) -> None:
    if what == "data":
        (tmp_path / "data").touch()
        reason = "Not a directory"
    else:
        (tmp_path / "data" / "secret_key").mkdir(parents=True)
        reason = "Is a directory"
    with pytest.raises(SettingsError) as stop:
        load_settings({})
    assert str(stop.value) == f"data/secret_key can't be used: {reason}"


@pytest.mark.parametrize("call", ["os.fsync", "os.link"])
def test_a_crash_while_the_key_is_written_leaves_no_part_of_a_key(
    tmp_path: Path, call: str
) -> None:
    """A process that is killed at `call` leaves no key, and the next start makes a whole one."""
    code = (
        "import os, signal\n"
        f"{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from api.config.environment import load_settings\n"
        "load_settings({})"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "data" / "secret_key").exists()
    assert len(load_settings({}).secret_key) >= 32


def test_starts_at_the_same_time_use_the_same_key() -> None:
    keys: list[str] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        keys.append(load_settings({}).secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
