"""Files and folders that only their owner can open, with any umask.

What exists already keeps its mode: its owner may want a group to read it.
"""

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

_creating = Lock()


def make_private_folder(path: Path) -> None:
    """Make `path` and the folders above it that are missing, all with mode 0700."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)  # the umask may have taken bits away


def create_private_file(path: Path) -> None:
    """Create `path`, empty and with mode 0600, if it isn't there.

    Errors are ignored; opening the file reports them. The lock: closing any descriptor of a file
    releases this process's POSIX locks on it.
    """
    with _creating, suppress(OSError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.close(descriptor)


def open_to_others(path: Path) -> bool:
    """Whether the file's group or other users of the machine can read or write `path`."""
    try:
        file, folder = path.stat().st_mode, path.parent.stat().st_mode
    except OSError:
        return False
    group, others = 3, 0
    return any(file >> bits & 0o6 and folder >> bits & 0o1 for bits in (group, others))
