"""wrk with bench/load.lua, which checks every response."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_suffix(".lua")
WARM_UP = 0.2
"""The seconds at the start of each load that aren't counted."""


class WrongAnswer(Exception):
    """A response was wrong or missing."""


class TooFewAnswers(WrongAnswer):
    """There were none after the warm-up."""


class Load(NamedTuple):
    """The result of a load. `answered`: requests in all, the warm-up included. `rate`: requests per
    second. `p50`, `p99`: milliseconds per response."""

    answered: int
    rate: float
    p50: float
    p99: float


class Items(NamedTuple):
    """The existing items: a file with their ids, and the initial ETag of each."""

    ids: Path
    etag: str


def put_load(
    address: str,
    script: str,
    items: Items,
    *,
    changes: tuple[int, int],
    connections: int,
    seconds: int,
    rate: float = 0,
    token: str = "",
) -> Load:
    """Put one kind of load on a server.

    `changes`: the offset and the number of the items that this load may change. `rate`: requests
    per second; 0 means as many as possible. `token`: sent with each request that has no body.

    Raises WrongAnswer.
    """
    arguments = [script, items.ids, items.etag, *changes, WARM_UP, rate, token]
    result = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", SCRIPT,
         address, "--", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    found = re.search(r"^@ (counted=.*)\n@ (.*)", result.stdout, re.MULTILINE)
    if result.returncode != 0 or found is None:
        raise WrongAnswer(f"wrk failed: {result.stdout}{result.stderr}")
    figures = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", found[1])}
    if figures["wrong"]:
        wrong, answered = int(figures["wrong"]), int(figures["answered"])
        raise WrongAnswer(f"{wrong} of {answered} answers are wrong, the first one: {found[2]}")
    # wrk treats a connection that is closed during a request as one that has ended normally.
    if figures["failed"] or figures["sent"] - figures["answered"] > connections:
        raise WrongAnswer(f"some requests were not answered: {found[1]}")
    if not figures["seconds"]:
        raise TooFewAnswers(f"too few answers to measure anything: {found[1]}")
    return Load(
        answered=int(figures["answered"]),
        rate=figures["counted"] / figures["seconds"],
        p50=figures["p50"] / 1000,
        p99=figures["p99"] / 1000,
    )
