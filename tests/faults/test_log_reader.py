"""A log reader that stops reading, as a supervisor that hangs: nothing but the log stops."""

import fcntl
import logging
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.observability.log_output import MAX_WAITING, LogOutput
from tests.live import HUNG
from tests.serving.test_runner import BODY, JSON, Server, running

SMALLEST = 4096
"""The bytes that the smallest pipe holds."""
LINE = 400
"""The bytes of a line at least; the longest request id makes it long."""
REQUEST = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %0128d\r\n\r\n"
DROPPED = re.compile(r"^log_lines_dropped_total ([0-9.]+)$", re.MULTILINE)


def request_many(port: int, first: int, number: int) -> None:
    """Send `number` requests over one connection and read all of their responses."""
    with socket.create_connection(("127.0.0.1", port), HUNG) as client:
        answers = client.makefile("rb")
        for start in range(first, first + number, 50):
            numbers = range(start, min(start + 50, first + number))
            client.sendall(b"".join(REQUEST % n for n in numbers))
            for _ in numbers:
                assert answers.readline() == b"HTTP/1.1 200 \r\n"
                size = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.startswith(b"content-length:"):
                        size = int(line.partition(b":")[2])
                answers.read(size)


def shrink_the_log(process: "subprocess.Popen[str]") -> None:
    """Make the pipe hold little, so that few lines fill it."""
    assert process.stderr is not None
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, SMALLEST)


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server that listens, and whose log isn't read any more; and its address."""
    with running(tmp_path, LOG_FORMAT="json") as server:
        address = server.wait_until_it_listens()
        shrink_the_log(server.process)
        yield server, address


def test_requests_are_answered_and_a_signal_drains_while_the_log_is_not_read(
    unread: tuple[Server, str],
) -> None:
    server, address = unread
    request_many(server.port, 0, 200)
    with httpx.Client(base_url=address) as client:
        registered = client.post("/api/auth/register", content=BODY, headers=JSON)
        assert registered.status_code == 201
        server.process.terminate()
        server.wait_until_it_refuses()
        assert client.get("/api/health").headers["Connection"] == "close"
    assert server.process.wait(HUNG) == 0


@pytest.mark.long
def test_every_line_is_written_or_counted(unread: tuple[Server, str]) -> None:
    """The reader reads again once the queue has been full."""
    server, address = unread
    sent = 0
    dropped = 0.0
    while not dropped:
        request_many(server.port, sent, 500)
        sent += 500
        dropped = float(DROPPED.findall(httpx.get(f"{address}/metrics").text)[0])
        assert sent < MAX_WAITING / LINE + 1000
    lines = []
    for line in server.log:
        lines.append(line)
        if "log lines were dropped" in line:
            break
    request_many(server.port, sent, 1)
    server.process.terminate()
    lines += server.end()[1].splitlines(keepends=True)
    reports = [int(n) for line in lines for n in re.findall(r"(\d+) log lines were dropped", line)]
    reported = sum(reports)  # there is a second report if more lines are dropped meanwhile
    assert reported >= dropped
    written = [int(n) for line in lines for n in re.findall(r'"request_id":"(\d+)"', line)]
    assert written == sorted(set(written))
    assert written[-1] == sent
    # The scrapes are lines too, and have ids that are not decimal.
    assert 0 <= reported - (sent + 1 - len(written)) <= sent / 500


@pytest.fixture
def pipe() -> tuple[int, int]:
    """The ends of a pipe for reading and for writing. They stay open, because a thread writes."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALLEST)
    return reader, writer


def log(output: LogOutput, name: str, text: str) -> None:
    output.handle(logging.makeLogRecord({"name": name, "msg": text, "levelno": logging.INFO}))


def read_lines(reader: int, last: str) -> list[str]:
    """Read until the line `last`."""
    text = b""
    while not text.endswith(f"{last}\n".encode()):
        text += os.read(reader, 65536)
    return text.decode().splitlines()


def test_audit_lines_are_dropped_last(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    drops: list[int] = []
    output = LogOutput(writer, most=100_000)
    output.on_drop = drops.append
    number = 0
    while len(drops) < 10:
        log(output, "request", f"request {number} {'-' * 1000}")
        number += 1
    for audit in range(50):
        log(output, "audit", f"audit {audit} {'-' * 1000}")
    assert drops == [1] * 10
    last = f"audit 49 {'-' * 1000}"
    lines = read_lines(reader, last)
    assert [line for line in lines if line.startswith("audit")][-1] == last
    report = "10 log lines were dropped, because standard error could not be written"
    assert len(lines) == number - 10 + 50 + lines.count(report)
    if report not in lines:
        assert read_lines(reader, report) == [report]
    while len(drops) == 10:  # they have their bound too
        log(output, "audit", "-" * 1000)


def test_an_error_in_the_thread_ends_no_more_than_the_thread(pipe: tuple[int, int]) -> None:
    """It is told on standard error, as those of all threads."""
    told: list[threading.ExceptHookArgs] = []
    reader, writer = pipe
    closed, end = os.pipe()
    os.close(closed)
    output = LogOutput(end)

    def fail(lines: int) -> None:
        raise RuntimeError("no counter")

    output.on_drop = fail
    before, threading.excepthook = threading.excepthook, told.append
    try:
        log(output, "request", "lost")
        while not told:
            pass
    finally:
        threading.excepthook = before
    assert [str(error.exc_value) for error in told] == ["no counter"]
    os.dup2(writer, end)
    log(output, "request", "the next line")
    report = "1 log lines were dropped, because standard error could not be written"
    assert read_lines(reader, report) == ["the next line", report]
    os.close(end)


def test_a_reader_that_has_left_costs_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    drops: list[int] = []
    reader, writer = pipe
    output = LogOutput(writer)
    output.on_drop = drops.append
    os.close(reader)
    for number in (1, 2):
        log(output, "request", "lost")
        output.flush()
        assert drops == [1] * number


def test_a_pipe_that_another_process_has_made_non_blocking_gets_every_line(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    output = LogOutput(writer)
    for number in range(100):
        log(output, "request", f"{number} {'-' * 1000}")
    lines = read_lines(reader, f"99 {'-' * 1000}")
    assert [int(line.split()[0]) for line in lines] == list(range(100))
