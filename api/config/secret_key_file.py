"""The secret key of development: made at the first start, and kept in a file."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from api.config.declaration import SettingsError
from api.config.parsers import A_KEY, long_enough
from storage.engines.private_files import make_private_folder

SECRET_KEY_FILE = Path("data/secret_key")


def kept_secret_key(path: Path) -> str:
    """Return the key in `path`, which is made if it isn't there, readable by its owner alone.

    Raises SettingsError with one line that names the file.
    """
    try:
        if not path.exists():
            _make(path)
        return long_enough(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise SettingsError(f"{path} can't be used: {error.strerror}") from None
    except ValueError:
        reason = f"{A_KEY}; delete the file to have a new key made"
        raise SettingsError(f"{path} is not allowed as a secret key: {reason}") from None


def _make(path: Path) -> None:
    """Write a new key to `path`, unless another process is faster.

    The file appears whole or not at all, whenever the process or the machine stops: processes that
    start together agree, and tokens are never signed with a part of a key.
    """
    make_private_folder(path.parent)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
