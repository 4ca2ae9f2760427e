"""Sliding windows in memory, by a clock that the tests turn."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItem, parse

from api.limiting.windows import MemoryWindows

RATES = st.builds(
    lambda amount, seconds: parse(f"{amount}/{seconds} seconds"),
    st.integers(1, 30),
    st.integers(1, 100),
)
PAUSES = st.lists(st.floats(0, 150), max_size=30)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_allows_what_the_rate_says_and_not_one_more(clock: Clock) -> None:
    windows = MemoryWindows(parse("3/minute"), clock=clock)
    hits = [windows.hit("one") for _ in range(5)]
    assert [(hit.allowed, hit.remaining, hit.wait) for hit in hits] == [
        (True, 2, 60),
        (True, 1, 60),
        (True, 0, 60),
        (False, 0, 60),
        (False, 0, 60),
    ]


def test_counts_each_client_alone(clock: Clock) -> None:
    windows = MemoryWindows(parse("1/minute"), clock=clock)
    assert [windows.hit(client).allowed for client in ("one", "other", "one")] == [
        True,
        True,
        False,
    ]


def test_used_requests_become_available_again_evenly(clock: Clock) -> None:
    windows = MemoryWindows(parse("4/minute"), clock=clock)
    assert [windows.hit("one").allowed for _ in range(5)] == [True] * 4 + [False]
    allowed = []
    for second in range(60, 120):
        clock.now = 1000.0 + second
        if windows.hit("one").allowed:
            allowed.append(second)
    assert allowed == [61, 76, 91, 106]


def test_all_is_back_after_two_windows(clock: Clock) -> None:
    windows = MemoryWindows(parse("4/minute"), clock=clock)
    assert [windows.hit("one").remaining for _ in range(4)] == [3, 2, 1, 0]
    clock.now += 120
    assert windows.hit("one").remaining == 3


def test_refused_requests_do_not_prolong_the_wait(clock: Clock) -> None:
    windows = MemoryWindows(parse("1/minute"), clock=clock)
    assert windows.hit("one").allowed
    for _ in range(100):
        assert not windows.hit("one").allowed
    clock.now += 60.001
    assert windows.hit("one").allowed


def requests(rate: RateLimitItem, pauses: list[float]) -> Iterator[tuple[MemoryWindows, Clock]]:
    """The windows and their clock, before each of some requests."""
    clock = Clock()
    windows = MemoryWindows(rate, clock=clock)
    for pause in pauses:
        clock.now += pause
        yield windows, clock


@given(RATES, PAUSES)
def test_a_client_is_answered_after_the_wait_and_not_before(
    rate: RateLimitItem, pauses: list[float]
) -> None:
    for windows, clock in requests(rate, pauses):
        hit = windows.hit("one")
        while hit.allowed and hit.remaining:
            hit = windows.hit("one")
        told_at = clock.now
        if hit.more_in > 0.01:
            clock.now = told_at + hit.more_in - 0.005
            assert not windows.hit("one").allowed
        clock.now = told_at + hit.wait + 0.001
        assert windows.hit("one").allowed


@given(RATES, PAUSES)
def test_no_period_sees_more_than_twice_the_rate(rate: RateLimitItem, pauses: list[float]) -> None:
    answered: list[float] = []
    for windows, clock in requests(rate, pauses):
        while windows.hit("one").allowed:
            answered.append(clock.now)
    for start in answered:
        within = [at for at in answered if start <= at < start + rate.get_expiry()]
        assert len(within) <= 2 * rate.amount


def test_only_a_bounded_number_of_the_most_recent_clients_is_kept() -> None:
    windows = MemoryWindows(parse("1/hour"), most=3)
    for client in ("one", "two", "three", "one", "four"):
        windows.hit(client)
    assert len(windows) == 3
    assert [windows.hit(client).allowed for client in ("one", "three", "four", "two")] == [
        False,
        False,
        False,
        True,
    ]


def test_forgets_a_client() -> None:
    windows = MemoryWindows(parse("1/hour"))
    windows.hit("one")
    windows.forget("one")
    windows.forget("nobody")
    assert windows.hit("one").allowed


def test_a_request_that_is_given_back_no_longer_counts() -> None:
    windows = MemoryWindows(parse("2/hour"))
    for _ in range(5):
        assert windows.hit("one").allowed
        windows.give_back("one")
    windows.give_back("one")  # which has nothing left
    windows.give_back("nobody")
    assert [windows.hit("one").allowed for _ in range(3)] == [True, True, False]


def test_threads_get_no_more_together() -> None:
    windows = MemoryWindows(parse("1000/hour"))
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(windows.hit("one").allowed for _ in range(500))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(True) == 1000
