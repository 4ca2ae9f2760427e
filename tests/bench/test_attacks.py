"""One attack, and few requests: that what is measured is what it says. How slow, `bench/` says."""

import re

import pytest

from bench.attacks import LINES, MEMORY, Measured, measure, row

STALLED = "1,500 connections that say nothing"


async def test_others_are_answered_while_connections_stall() -> None:
    before, during = await measure(STALLED, 10)
    assert (len(before.seconds), len(during.seconds)) == (10, 10)
    assert during.failures == 0
    assert during.megabytes < MEMORY
    assert 1 <= during.lines <= LINES  # the attack has reached the limit
    assert row(STALLED, before, during).startswith(f"| {STALLED} |")


@pytest.mark.parametrize(
    ("during", "reached"),
    [
        (Measured(seconds=[0.05], megabytes=90, lines=90), True),
        (Measured(seconds=[0.05, 0.2], megabytes=90, lines=90), False),
        (Measured(seconds=[0.05], megabytes=110), False),
        (Measured(seconds=[0.05], lines=101), False),
        (Measured(seconds=[0.05], failures=1), False),
    ],
)
def test_a_row_says_whether_all_was_reached(during: Measured, reached: bool) -> None:
    last = re.findall(r"[^|]+", row("name", Measured(seconds=[0.04]), during))[-1].strip()
    assert (last == "yes") is reached
