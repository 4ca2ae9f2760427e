"""wrk's script finds what is wrong with an answer."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from bench.load import Items, Load, TooFewAnswers, WrongAnswer, put_load
from bench.works import READ_ONLY
from serving.asgi import Message, Receive, Scope, Send
from tests.live import serving

pytestmark = pytest.mark.skipif(
    shutil.which("wrk") is None and "CI" not in os.environ, reason="needs Debian's package wrk"
)

ID = "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
NEW = "0f8fad5b-d9cb-469f-a165-70867728950e"
RIGHT = {
    "health": (200, b'{"status":"ok","timestamp":"2026-11-20T09:30:00Z"}'),
    "get": (200, f'{{"id":"{ID}","name":"First item","version":1}}'.encode()),
    "get, 304": (304, b""),
    "create": (201, f'{{"id":"{NEW}","name":"Oak table 1","version":1}}'.encode()),
    "list": (200, b'{"items":[' + b'{"id":"a"},' * 50 + b'],"next_cursor":null}'),
    "wait": (200, b"waited"),
}  # fmt: skip
WRONG = {
    "health": (200, b'{"status":"down","timestamp":"2026-11-20T09:30:00Z"}'),
    "get": (200, RIGHT["get"][1].replace(b'"version":1', b'"version":2')),
    "get, 304": (200, b"{}"),
    "create": (200, RIGHT["create"][1]),
    "list": (200, RIGHT["list"][1].replace(b'{"id":"a"},', b"", 1)),
    "wait": (503, b"busy"),
    "update": (200, RIGHT["get"][1]),
    "delete": (200, b""),
    "mix": (200, b"{}"),
}


def load(folder: Path, script: str, status: int, body: bytes, *, rate: float = 0) -> Load:
    """A second of load on a server that always answers the same; more if it was too busy."""
    ids = folder / "ids"
    ids.write_text(f"{ID}\n" * READ_ONLY + "".join(f"{number:x}\n" for number in range(1000)))
    headers = [(b"content-length", b"%d" % len(body)), (b"etag", b'"1"'), (b"location", b"/")]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            head: Message = {"type": "http.response.start", "status": status, "headers": headers}
            await send(head)
            await send({"type": "http.response.body", "body": body})

    with serving(answer) as address:
        for seconds in (1, 5, 25):
            with suppress(TooFewAnswers):
                return put_load(
                    address, script, Items(ids, '"1"'), changes=(READ_ONLY, 1000), connections=4,
                    seconds=seconds, rate=rate,
                )  # fmt: skip
    raise AssertionError("the server answered nothing in 25 seconds")


@pytest.mark.parametrize("script", RIGHT)
def test_right_answers_are_counted(tmp_path: Path, script: str) -> None:
    found = load(tmp_path, script, *RIGHT[script])
    assert found.rate > 0
    assert 0 < found.p50 <= found.p99


@pytest.mark.parametrize("script", WRONG)
def test_a_wrong_answer_is_an_error(tmp_path: Path, script: str) -> None:
    status, body = WRONG[script]
    with pytest.raises(WrongAnswer, match=f"answers are wrong, the first one: {status} "):
        load(tmp_path, script, status, body)


def test_requests_come_at_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, "health", *RIGHT["health"], rate=50).rate < 100


def test_a_server_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text(f"{ID}\n")
    with pytest.raises(WrongAnswer):
        put_load(
            "http://127.0.0.1:9", "health", Items(tmp_path / "ids", ""), changes=(0, 0),
            connections=1, seconds=1,
        )  # fmt: skip
