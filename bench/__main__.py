"""`make bench`: compare this API with its peers and write bench/RESULTS.md.

    python -m bench [--full] [--rounds N] [--seconds N]

The short form measures what the targets need, in about ten minutes. The full form measures
everything, in longer runs, in about 45 minutes.
"""

import argparse
from pathlib import Path

from bench.load import WrongAnswer
from bench.machine import allow_many_connections, described, require_wrk
from bench.measuring import everything, measure, what_targets_ask
from bench.plot import chart
from bench.report import PLOT, results
from bench.servers import PYTHON

HERE = Path(__file__).parent


def main() -> None:
    options = read_options()
    require_wrk()
    if not PYTHON.exists():
        raise SystemExit("The peers' packages are missing: `make bench` installs them.")
    allow_many_connections()
    machine = described()
    rounds, seconds = (
        options.rounds or (5 if options.full else 3),
        options.seconds or (3 if options.full else 1),
    )
    plan = everything() if options.full else what_targets_ask()
    try:
        figures = measure(plan, rounds=rounds, seconds=seconds)
    except WrongAnswer as error:
        raise SystemExit("\n".join([*getattr(error, "__notes__", []), str(error)])) from None
    form = f"{'the full' if options.full else 'the short'} form, {rounds} rounds"
    lock = HERE.parent / "requirements" / "bench.txt"
    page = results(figures, form=form, machine=machine, packages=lock)
    (HERE / "RESULTS.md").write_text(page)
    (HERE / PLOT).write_text(chart(figures))
    print(f"written to {HERE.name}/RESULTS.md")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench")
    parser.add_argument("--full", action="store_true", help="everything, in 45 minutes")
    parser.add_argument("--rounds", type=positive, help="how often each is measured (3; full: 5)")
    parser.add_argument("--seconds", type=positive, help="how long each is measured (1; full: 3)")
    return parser.parse_args()


def positive(text: str) -> int:
    """Parse an argument. Raises ValueError, which argparse reports."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    main()
