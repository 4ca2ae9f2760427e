"""The check that docs/openapi.json breaks nothing of the last release without saying so.

python -m tests.openapi.released    # as `make openapi` runs it; docs/versioning.md
"""

import json
import re
import sys
from pathlib import Path

from tests.openapi.breaks import Break, breaks_between

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "docs" / "openapi-released.json"
CURRENT = ROOT / "docs" / "openapi.json"
CHANGELOG = ROOT / "CHANGELOG.md"


def unnamed(breaks: list[Break], changelog: str) -> list[Break]:
    """Return the breaks whose places the latest section of the changelog doesn't name, in
    backticks, below its heading "Breaking"."""
    latest = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    named = latest.partition("\n### Breaking\n")[2].partition("\n### ")[0]
    return [found for found in breaks if f"`{found.place}`" not in named]


def raises_the_version(released: str, current: str) -> bool:
    """Whether `current` announces a break: by its first number, or by its second one before 1.0."""
    before, after = ([int(number) for number in v.split(".")] for v in (released, current))
    announcing = 1 if before[0] else 2
    return after[:announcing] > before[:announcing]


def main() -> str | None:
    released, current = (json.loads(path.read_text()) for path in (RELEASED, CURRENT))
    breaks = breaks_between(released, current)
    missing = unnamed(breaks, CHANGELOG.read_text())
    if missing:
        lines = "".join(f"\n- {found}" for found in missing)
        return (
            f'Name these breaks in CHANGELOG.md, below "### Breaking" (docs/versioning.md):{lines}'
        )
    versions = released["info"]["version"], current["info"]["version"]
    if breaks and not raises_the_version(*versions):
        return "{} has breaks since {}: raise the version (docs/versioning.md)".format(
            *versions[::-1]
        )
    return None


if __name__ == "__main__":
    sys.exit(main())
