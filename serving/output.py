"""Writing to one connection."""

import asyncio
import contextlib
from collections.abc import Callable

SLICE = 64 * 1024
"""The bytes passed to the transport at a time; it copies what the system doesn't accept."""


class Output:
    """Writes to `writer`, one caller after the other, and calls `hold` with changes in the waiting
    bytes."""

    def __init__(self, writer: asyncio.StreamWriter, hold: Callable[[int], None]) -> None:
        self._writer = writer
        self._hold = hold
        self._lock = asyncio.Lock()

    async def write(self, data: bytes) -> None:
        """Write `data`. Raises OSError or RuntimeError if the connection is closed."""
        if len(data) <= SLICE and not self._lock.locked():
            self._writer.write(data)
            await self._writer.drain()
            return
        async with self._lock:
            await self._write_slices(memoryview(data))

    async def close(self) -> None:
        """Send the rest of the data, and close."""
        with contextlib.suppress(OSError, RuntimeError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
        self._writer.close()
        with contextlib.suppress(OSError, RuntimeError):
            await self._writer.wait_closed()

    async def _write_slices(self, rest: memoryview) -> None:
        self._hold(len(rest))
        try:
            while rest:
                self._writer.write(rest[:SLICE])
                await self._writer.drain()
                self._hold(-len(rest[:SLICE]))
                rest = rest[SLICE:]
        finally:
            self._hold(-len(rest))
