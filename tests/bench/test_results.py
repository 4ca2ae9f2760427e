"""From figures to the page: nothing is hidden, and what is missed is said."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.contestants import (
    CONTESTANTS,
    DATABASES,
    FASTAPI,
    OURS,
    OURS_ON_UVICORN,
    SLOW_SYNC,
)
from bench.figures import CPU, MEMORY, P50, P99, RATE, START_UP, Figures, Key
from bench.machine import MissingTool, require_wrk
from bench.measuring import Plan, everything, what_targets_ask
from bench.plot import chart
from bench.report import results
from bench.targets import TARGETS
from bench.works import READ_ONLY, WORKS, items_needed, items_to_change

ROOT = Path(__file__).parents[2]


OWN = {OURS.name, OURS_ON_UVICORN.name, SLOW_SYNC.name}


def figures_of(plan: Plan, ours: float) -> Figures:
    """As if all were the same, in two rounds, but for our own rates and CPU times."""
    figures = Figures()
    for (name, database), works in plan.items():
        for _ in range(2):
            for work in works:
                rate = ours if name in OWN else 100
                figures.add(Key(RATE, name, database, work.name), rate)
                figures.add(Key(CPU, name, database, work.name), 1e6 / rate)
                figures.add(Key(P50, name, database, work.name), 2)
                figures.add(Key(P99, name, database, work.name), 9)
            figures.add(Key(MEMORY, name, database), 60)
            figures.add(Key(START_UP, name, database), 0.5)
    return figures


def page(figures: Figures) -> str:
    packages = ROOT / "requirements" / "bench.txt"
    return results(figures, form="a form", machine=["Two cores."], packages=packages)


@pytest.mark.parametrize("plan", [everything(), what_targets_ask()], ids=["full", "short"])
def test_every_target_has_its_row(plan: Plan) -> None:
    text = page(figures_of(plan, 600))
    assert text.count("| reached |") + text.count("| **not reached** |") == len(TARGETS)
    about = "| get | this API | FastAPI on Hypercorn | SQLite | ≥ 2 |"
    assert f"{about} 6.00 (6.00 to 6.00) | 6.00 | reached |" in text
    assert "| get, signed in | this API | get | SQLite | ≥ 0.8 | 1.00" in text
    # Of the rates only that of `wait`, which has to be a hundred times as high, isn't reached.
    assert text.count("| **not reached** |") == 1
    assert f"{len(TARGETS) - 1} of {len(TARGETS)} are reached." in text


def test_missed_targets_are_named_in_the_results() -> None:
    figures = figures_of(everything(), 100)
    text = page(figures)
    about = "| this API | FastAPI on Hypercorn | SQLite |"
    assert f"| get {about} ≥ 2 | 1.00 (1.00 to 1.00) | 1.00 | **not reached** |" in text
    assert f"| memory {about} ≤ 1 | 1.00 (1.00 to 1.00) |  | reached |" in text
    figures[Key(MEMORY, OURS.name, "SQLite")] = [66, 90]
    assert "| ≤ 1 | 1.30 (1.10 to 1.50) |  | **not reached** |" in page(figures)


def test_a_ratio_is_that_of_the_rounds() -> None:
    figures = Figures()
    one, other = (Key(RATE, c.name, "SQLite", "get") for c in (OURS, FASTAPI))
    figures[one], figures[other] = [100, 10, 300], [50, 10, 100]
    assert figures.ratios(one, other) == [2, 1, 3]


def test_everybody_has_a_row_in_the_full_form() -> None:
    text = page(figures_of(everything(), 100))
    for contestant in CONTESTANTS:
        assert f"| {contestant.name} | " in text


def test_the_short_form_has_what_the_targets_ask() -> None:
    short, full = what_targets_ask(), everything()
    assert sum(map(len, short.values())) < sum(map(len, full.values())) / 2
    for name in (OURS.name, FASTAPI.name):
        for database in DATABASES:
            assert short[name, database] == full[name, database]


def test_the_chart_is_an_image() -> None:
    image = ElementTree.fromstring(chart(figures_of(everything(), 250)))
    texts = [element.text for element in image.iter("{http://www.w3.org/2000/svg}text")]
    assert {"SQLite", "PostgreSQL", "list of 50", "2.50", "1.00", OURS.name} <= {*texts}


@pytest.mark.parametrize("seconds", [1, 5])
def test_no_two_works_change_the_same_items(seconds: int) -> None:
    last = READ_ONLY
    for work in WORKS:
        before, number = items_to_change(work, seconds)
        assert before == last
        assert number == 0 or number >= work.connections
        last += number
    assert last == items_needed(seconds)


def test_a_missing_wrk_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match=r"wrk is missing, .* apt-get install wrk"):
        require_wrk()


def test_refuses_no_rounds() -> None:
    command = [sys.executable, "-m", "bench", "--rounds", "0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "--rounds: invalid positive value: '0'" in ended.stderr
