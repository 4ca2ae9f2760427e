"""What the programs share. Each runs the steps of clients/generators/steps.py in their order."""

import sys
from collections.abc import Callable
from datetime import timedelta

SERVER = sys.argv[1]
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
DAY = timedelta(days=1)


def step(name: str) -> Callable[[Callable[[], None]], None]:
    """Run the decorated function, and print whether it succeeded, as a line for the harness."""

    def run(calls: Callable[[], None]) -> None:
        try:
            calls()
        except Exception as error:  # noqa: BLE001  # whatever the client raises is the result
            reason = " ".join(str(error).split())
            print("failed", name, f"{type(error).__name__}: {reason}", sep="\t")
        else:
            print("ok", name, sep="\t")

    return run


def same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")
