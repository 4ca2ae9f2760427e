"""The files in which the processes of a machine count together.

prometheus-client maps them into memory without reserving their room, so that counting on a full
disk ends the process with SIGBUS. Here each file has its room before it is mapped. If there is
none, or the folder can't be used, this process counts in memory, and the metrics have a gap.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Metric, values
from prometheus_client.mmap_dict import _INITIAL_MMAP_SIZE, MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue

UNREADABLE = (OSError, ValueError, RuntimeError, struct.error)
"""What prometheus-client raises for a missing folder, and for a file that is cut off."""
BESIDE_KEY = 64
"""More than the bytes that a value takes besides its key."""

log = structlog.get_logger(__name__)


class Gap:
    """The one line about metrics that are missing."""

    reported = False

    def report(self, error: Exception) -> None:
        if not self.reported:
            self.reported = True
            meaning = "some metrics are missing until the folder can be used and this is restarted"
            log.warning("metrics_incomplete", cause=str(error), meaning=meaning)


gap = Gap()
in_files = values.ValueClass


class ReservedFile(MmapedDict):
    """A file whose blocks are allocated. Raises OSError if there is no room for them."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        path = Path(filename)
        # Written rather than truncated; what is left of another process of this id, too.
        content = path.read_bytes() if path.exists() else b""
        try:
            with path.open("r+b" if content else "wb") as file:
                file.write(content.ljust(_INITIAL_MMAP_SIZE, b"\0"))
        except OSError:
            if not content:
                path.unlink(missing_ok=True)  # nothing could read a part of it
            raise
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]  # as the library has it

    def _init_value(self, key: str) -> None:
        size, capacity = os.fstat(self._f.fileno()).st_size, self._capacity
        while self._used + len(key.encode()) + BESIDE_KEY > capacity:
            capacity *= 2
        while size < capacity:
            size += os.write(self._f.fileno(), bytes(capacity - size))
        super()._init_value(key)  # type: ignore[no-untyped-call]  # as the library has it


def in_file_or_memory(*about: Any, **options: Any) -> Any:
    """Make the value of one metric and its labels."""
    try:
        return in_files(*about, **options)
    except OSError as error:
        gap.report(error)
        return MutexValue(*about, **options)  # type: ignore[no-untyped-call]  # as the library has it


class FolderCollector(Collector):
    """What the processes have counted in `folder`; nothing if it can't be read."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        try:
            if not any(Path(self._folder).glob(f"*_{os.getpid()}.db")):
                raise FileNotFoundError(f"the files of this process are missing in {self._folder}")
            files = MultiProcessCollector(None, self._folder)  # type: ignore[no-untyped-call]  # as the library has it
            yield from list(files.collect())  # type: ignore[no-untyped-call]  # as the library has it
        except UNREADABLE as error:
            gap.report(error)


if in_files is not MutexValue:
    # The library offers no other way to replace either.
    values.MmapedDict = ReservedFile  # type: ignore[attr-defined]
    values.ValueClass = in_file_or_memory
