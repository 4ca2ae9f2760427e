"""A bar chart of the rates, relative to FastAPI on Hypercorn."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from bench.contestants import (
    CONTESTANTS,
    DATABASES,
    FASTAPI,
    FASTAPI_ON_UVICORN,
    OURS,
    OURS_ON_GRANIAN,
    OURS_ON_UVICORN,
    QUART,
    SMOREST,
    STOCK,
    Contestant,
)
from bench.figures import RATE, Figures, Key
from bench.works import ITEM_CALLS

COLOURS = {
    OURS.name: "#0b5cad",
    OURS_ON_UVICORN.name: "#4a90d9",
    OURS_ON_GRANIAN.name: "#9cc4ec",
    FASTAPI.name: "#d9820b",
    FASTAPI_ON_UVICORN.name: "#f2bd6b",
    QUART.name: "#3d8f5f",
    SMOREST.name: "#8a6bb0",
    STOCK.name: "#a0a0a0",
}
FONT = 'font-family="sans-serif"'
BAR, GAP, LABEL, PANEL, TOP = 9, 14, 90, 330, 56
UNIT = 90
"""Pixels that stand for the rate of FastAPI on Hypercorn."""


def chart(figures: Figures) -> str:
    """An SVG image."""
    shown = [c for c in CONTESTANTS if c.name in COLOURS and _is_measured(figures, c)]
    height = TOP + len(ITEM_CALLS) * (len(shown) * BAR + GAP) + 20 * (len(shown) // 4 + 1) + 10
    width = LABEL + len(DATABASES) * PANEL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(LABEL, 16, "Requests/s, each beside those of FastAPI on Hypercorn (1); longer is "
              "better", size=13),
        *(part for n, database in enumerate(DATABASES)
          for part in _panel(figures, database, LABEL + n * PANEL, shown)),
        *_legend(shown, height - 20 * (len(shown) // 4 + 1)),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _is_measured(figures: Figures, contestant: Contestant) -> bool:
    return any(
        key.what == RATE and key.contestant == contestant.name and key.work in ITEM_CALLS
        for key in figures
    )


def _panel(figures: Figures, database: str, left: int, shown: list[Contestant]) -> Iterator[str]:
    yield _text(left, TOP - 16, database, size=12)
    bottom = TOP + len(ITEM_CALLS) * (len(shown) * BAR + GAP) - GAP
    yield (
        f'<line x1="{left + UNIT}" y1="{TOP - 6}" x2="{left + UNIT}" y2="{bottom + 6}" '
        'stroke="#d9820b" stroke-dasharray="3 3"/>'
    )
    for number, work in enumerate(ITEM_CALLS):
        top = TOP + number * (len(shown) * BAR + GAP)
        if database == DATABASES[0]:
            middle = top + len(shown) * BAR / 2 + 4
            yield _text(LABEL - 8, middle, work, anchor="end")
        for place, contestant in enumerate(shown):
            ours, base = (
                figures.median(Key(RATE, c.name, database, work)) for c in (contestant, FASTAPI)
            )
            if ours is not None and base is not None:
                yield from _bar(left, top + place * BAR, ours / base, COLOURS[contestant.name])


def _bar(left: int, top: float, ratio: float, colour: str) -> Iterator[str]:
    # A bar that is too long ends at the edge, with its figure beside it.
    width = min(ratio * UNIT, PANEL - 40)
    yield f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{BAR - 1}" fill="{colour}"/>'
    yield _text(left + width + 3, top + BAR - 1.5, f"{ratio:.2f}", size=8)


def _legend(shown: list[Contestant], top: int) -> Iterator[str]:
    for number, contestant in enumerate(shown):
        x, y = LABEL + number % 4 * 165, top + number // 4 * 18
        yield f'<rect x="{x}" y="{y}" width="10" height="10" fill="{COLOURS[contestant.name]}"/>'
        yield _text(x + 14, y + 9, contestant.name)


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="#222">{escape(text)}</text>'
    )
