"""The declaration that an operation or a field is deprecated (docs/versioning.md)."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """`since`: the day from which it is deprecated. `sunset`: the day from which it may stop
    working. `link`: the address of a page that says what to use instead."""

    since: date
    sunset: date | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("a sunset before the deprecation (RFC 9745 §4)")

    def __str__(self) -> str:
        """Describe it for the document, in Markdown."""
        instead = f" [What to use instead]({self.link})." if self.link else ""
        end = f" It may stop working on {self.sunset}." if self.sunset else ""
        return f"Deprecated since {self.since}.{end}{instead}"
