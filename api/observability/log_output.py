"""The output of the log: a thread writes to standard error, so that only the thread can block.

A write to a pipe blocks when its reader has stopped. Lines then wait in a queue, and when that is
full, they are dropped and counted.
"""

import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import click

STANDARD_ERROR = 2
MAX_WAITING = 1024 * 1024
"""The bytes that may wait: what a busy process logs in about a second. Audit lines may take as many
more."""
PAUSE = 0.01
"""The seconds for which the thread lets lines gather. A switch between threads for each line would
cost a request about a twentieth of its time."""
FLUSH_TIMEOUT = 1.0
"""The seconds for which the end of the process waits for a reader."""


class LogOutput(logging.Handler):
    """Writes each line to `descriptor`, and calls `on_drop` with the number of lines that it drops.

    `most`: the bytes that may wait, except for audit lines, which may take as many more.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR, *, most: int = MAX_WAITING) -> None:
        super().__init__()
        self.on_drop: Callable[[int], None] = lambda lines: None
        self.pause = PAUSE
        self._descriptor = descriptor
        self._most = most
        self.reset()

    def reset(self) -> None:
        """Forget what waits, as after a fork: it is the parent's, and so is the thread."""
        self._lines = SimpleQueue[bytes]()
        # Bytes and lines. Only `emit`, under the handler's lock, changes the first of each row, and
        # only the thread the others, so they need no lock that `flush` could wait for.
        self._queued, self._written = 0, 0
        self._dropped, self._lost, self._reported = 0, 0, 0
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:  # noqa: BLE001  # logging's convention: a bad line doesn't fail its caller
            self.handleError(record)
            return
        most = 2 * self._most if record.name == "audit" else self._most
        if self._queued - self._written + len(line) > most:
            self._dropped += 1
            self.on_drop(1)
            return
        self._queued += len(line)
        self._lines.put(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()

    def flush(self) -> None:
        """Wait until everything is written, at most FLUSH_TIMEOUT; logging calls this at exit."""
        until = time.monotonic() + FLUSH_TIMEOUT
        while self._written < self._queued and time.monotonic() < until:
            time.sleep(0.001)

    def _run(self) -> None:
        try:
            for lines in self._batches():
                try:
                    is_written = self._write(lines)
                finally:
                    self._written += sum(map(len, lines))
                self._report_dropped(is_written)
        finally:
            self._thread = None  # after an error, the next line starts another one

    def _report_dropped(self, is_written: bool) -> None:
        dropped = self._dropped + self._lost - self._reported
        if dropped and is_written and self._queued - self._written < self._most / 2:
            self._reported += dropped
            self._write([self._report(dropped)])

    def _batches(self) -> Iterator[list[bytes]]:
        """Yield lines that fit into one write. Up to PIPE_BUF bytes stay together in a pipe, though
        other processes write to it too (pipe(7))."""
        lines: list[bytes] = []
        size = 0
        while True:
            try:
                line = self._lines.get_nowait()
            except Empty:
                if lines:
                    yield lines
                    time.sleep(self.pause)
                lines, size = [], 0
                line = self._lines.get()
            if lines and size + len(line) > select.PIPE_BUF:
                yield lines
                lines, size = [], 0
            lines.append(line)
            size += len(line)

    def _write(self, lines: list[bytes]) -> bool:
        rest = b"".join(lines)
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # another process has made the shared pipe non-blocking
                    select.select([], [self._descriptor], [])
        except OSError:  # the reader is gone, or the disk is full
            self._lost += len(lines)
            self.on_drop(len(lines))
            return False
        return True

    def _report(self, dropped: int) -> bytes:
        text = f"{dropped} log lines were dropped, because standard error could not be written"
        values = {"name": __name__, "levelname": "WARNING", "levelno": logging.WARNING, "msg": text}
        return f"{self.format(logging.makeLogRecord(values))}\n".encode()


def check_standard_error() -> None:
    """Raise SystemExit if standard error is closed: the next file that is opened would take its
    place, and the log would be written into it."""
    if sys.stderr is None:
        click.echo("standard error is closed: redirect it to a file, or to /dev/null")
        raise SystemExit(1)


OUTPUT = LogOutput()
os.register_at_fork(after_in_child=OUTPUT.reset)
