"""Which signals end the server, and how; the application is as small as possible."""

import contextlib
import signal
import socket
from pathlib import Path

import pytest

from serving.runner import IGNORED, REPEATED
from tests.live import HUNG
from tests.serving.test_runner import Server, running

SERVICE = """
import logging
from serving import Bridge
from serving.config import Options
from serving.runner import run

def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

logging.basicConfig(level=logging.INFO)
run(Bridge(echo), Options(shutdown_grace=60))
"""
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"


def answer_during(server: Server, *signals: signal.Signals) -> bytes:
    """Send `signals` while a request is handled, the last of which ends the server, and return the
    response."""
    with socket.create_connection(("127.0.0.1", server.port), HUNG) as client:
        client.sendall(HEAD)
        answer = client.makefile("rb")
        while answer.readline() != b"\r\n":  # the end of 100 Continue
            pass
        for number in signals:
            server.process.send_signal(number)
        server.wait_until_it_refuses()
        client.sendall(b"body")
        return answer.read()


@pytest.mark.parametrize(
    ("signals", "nohup"),
    [
        ((*IGNORED, signal.SIGQUIT), False),
        *(((number, number), False) for number in REPEATED),
        ((signal.SIGHUP, signal.SIGTERM), True),
    ],
)
def test_requests_are_answered_before_a_signal_ends_the_server(
    tmp_path: Path, signals: tuple[signal.Signals, ...], nohup: bool
) -> None:
    """Another second signal would end it at once; with nohup SIGHUP doesn't count."""
    (tmp_path / "small.py").write_text(SERVICE)
    with contextlib.ExitStack() as stack:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
        try:
            server = stack.enter_context(running(tmp_path, ("small",)))
        finally:
            signal.signal(signal.SIGHUP, before)
        server.wait_until_it_listens()
        assert answer_during(server, *signals).endswith(b"\r\n\r\nbody")
        assert server.end()[0] == 0
