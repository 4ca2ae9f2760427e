"""Write bench/RESULTS.md: the figures as tables, and whether each target was reached."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.contestants import CONTESTANTS, DATABASES
from bench.figures import CPU, MEMORY, P50, P99, RATE, START_UP, Figures, Key
from bench.targets import TARGETS
from bench.works import WORKS

PLOT = "results.svg"
SHOWN = (
    "flask", "hypercorn", "sqlalchemy", "asyncpg", "fastapi", "uvicorn", "pydantic", "quart",
    "flask-smorest", "gunicorn", "granian", "aiosqlite", "psycopg", "uvloop",
)  # fmt: skip
"""The packages whose versions the page names."""

COMPARED = """\
Each ratio is of requests for the same CPU time of the server's processes, except where the name
says what else was compared. The ratio of the rates, which depend on what else the machine does, is
beside it.
"""
ABOUT = """\
## How

One core has the server; wrk, and PostgreSQL, have the others. In each round every contestant gets a
fresh copy of the same database and is started; then they do each work in turn, in one round from
the first to the last, in the next from the last to the first. A figure is the median of the rounds,
a ratio the median of the rounds' own ratios, with the lowest and the highest behind it.

- Before the load, each contestant answers the same requests, valid and invalid ones, and the
  answers are compared with ours field by field. Under load, wrk looks at every answer, its status
  and its body ([load.lua](load.lua)). One wrong answer ends the run without results.
- 16 connections, unless a work's name says otherwise; `wait` has 1,000, to a view that waits for
  100 ms. `mix` is 8 reads to 2 writes. At half load, requests come at random moments (Poisson) at
  half the rate that the same server answered the mix with, over 32 connections.
- [The peers](peers) write the same rows into the same tables, with the same indexes and triggers
  (full text, tags) and the same settings: SQLite in WAL mode with `synchronous=FULL`, PostgreSQL as
  it comes, as many connections as we have. They leave out what they don't have to do.
- This API has its default settings: request ids, a log line for each request into a file, security
  headers, CORS, limits (set so high that nothing meets them). FastAPI on Uvicorn logs each request
  too, as Uvicorn does by itself; the other peers log nothing.
- Uvicorn and Granian run on uvloop, which they take where it is installed; Hypercorn on asyncio's
  own loop. Gunicorn has one worker with 10 threads.
- "This API" runs as `python asgi.py` does; "on plain Hypercorn" as `hypercorn asgi:app`. "A commit
  for each write" is this API with that one thing changed. With "syncs of 2 ms" each fsync and
  fdatasync takes that much longer ([slow_sync.c](slow_sync.c)), as on a disk that writes data down.
- CPU time is that of the server's processes during a load, divided by the requests that they
  answered; PostgreSQL's own processes aren't among them. "Signed in" is with an admin's token.
- Memory is the proportional set size of all of a server's processes, at the end; start-up lasts
  from starting the process to its first answer.
"""


def results(figures: Figures, *, form: str, machine: Sequence[str], packages: Path) -> str:
    """Return the whole page. `machine`: a description of the machine. `packages`: a requirements
    file."""
    reached = [line.endswith("| reached |") for line in _targets(figures)]
    parts = [
        "# Results\n",
        f"Written by `make bench`: {form}. Ratios carry over; the figures are this machine's.\n",
        " ".join(machine) + "\n",
        f"Versions: {', '.join(_versions(packages))}.\n",
        f"![Rates beside those of FastAPI on Hypercorn]({PLOT})\n",
        f"## Targets\n\n{sum(reached)} of {len(reached)} are reached.\n",
        COMPARED,
        _table(
            ["", "ours", "beside", "database", "wanted", "measured", "rates", ""], _targets(figures)
        ),
    ]
    for database in DATABASES:
        parts += [f"## CPU time of a request on {database}, µs\n", _by_work(figures, CPU, database)]
        parts += [f"## Requests/s on {database}\n", _by_work(figures, RATE, database)]
    parts += [
        "## Latency at half load, memory, start-up\n",
        _table(["", "database", "p50, ms", "p99, ms", "memory, MiB", "start-up, s"],
               _rest(figures)),
        ABOUT,
    ]  # fmt: skip
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[str]) -> str:
    return "\n".join([_row(head), _row(["---"] * len(head)), *rows]) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _targets(figures: Figures) -> Iterator[str]:
    for target in TARGETS:
        ratios, ours, beside = target.ratios(figures), target.ours, target.beside
        ratio, rates = median(ratios), ""
        if ours.what == CPU:
            rates = _short(
                median(figures.ratios(ours._replace(what=RATE), beside._replace(what=RATE)))
            )
        yield _row(
            [
                _name(ours),
                ours.contestant,
                beside.contestant if ours.work == beside.work else beside.work,
                ours.database,
                f"{'≥' if target.at_least else '≤'} {target.bound:g}",
                f"{_short(ratio)} ({_short(min(ratios))} to {_short(max(ratios))})",
                rates,
                "reached" if target.is_reached(ratio) else "**not reached**",
            ]
        )


def _name(key: Key) -> str:
    what = "" if key.what == CPU else key.what
    return ", ".join(filter(None, [what, key.work]))


def _short(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.2f}"


def _by_work(figures: Figures, what: str, database: str) -> str:
    works = [work.name for work in WORKS if database in work.databases and not work.at_half_load]
    rows = []
    for contestant in CONTESTANTS:
        found = [figures.median(Key(what, contestant.name, database, work)) for work in works]
        if any(figure is not None for figure in found):
            rows.append(_row([contestant.name, *(_figure(figure, ",.0f") for figure in found)]))
    return _table(["", *works], rows)


def _rest(figures: Figures) -> Iterator[str]:
    half_load = next(work.name for work in WORKS if work.at_half_load)
    for contestant in CONTESTANTS:
        for database in DATABASES:
            name = contestant.name
            found = [
                figures.median(Key(P50, name, database, half_load)),
                figures.median(Key(P99, name, database, half_load)),
                figures.median(Key(MEMORY, name, database)),
                figures.median(Key(START_UP, name, database)),
            ]
            if any(figure is not None for figure in found):
                formats = (".1f", ".1f", ".0f", ".2f")
                cells = map(_figure, found, formats)
                yield _row([name, database, *cells])


def _figure(figure: float | None, form: str) -> str:
    return "" if figure is None else format(figure, form)


def _versions(packages: Path) -> Iterator[str]:
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", packages.read_text(), re.MULTILINE))
    return (f"{name} {pinned[name]}" for name in SHOWN)
