"""The table in docs/clients.md, made from the results of the last `make clients`."""

import re
from pathlib import Path
from typing import Any

from clients.generators.server import ROOT

RESULTS = Path(__file__).parent / "results.json"
PAGE = ROOT / "docs" / "clients.md"
PLACE = re.compile(r"(?<=<!-- make clients -->\n).*?(?=<!-- end -->)", re.DOTALL)
LONGEST = 200
"""The characters of a problem that the table has room for."""


def table(results: dict[str, Any]) -> str:
    rows = ["| generator | version | language | options | result |", f"|{' --- |' * 5}"]
    for client in results.values():
        problems = "; ".join(map(_cell, client["problems"]))
        cells = (client[key] for key in ("generator", "version", "language", "options"))
        rows.append(f"| {' | '.join(cells)} | {problems or 'all steps pass'} |")
    return "\n".join(rows) + "\n"


def with_table(page: str, results: dict[str, Any]) -> str:
    """`page` with the table of these results."""
    changed, places = PLACE.subn(lambda _: table(results), page)
    if places != 1:
        raise ValueError("docs/clients.md has no place for the table of `make clients`")
    return changed


def _cell(text: str) -> str:
    return text[:LONGEST].replace("|", "\\|").replace("<", "&lt;")
