"""Items for the tests that are about them."""

from typing import Any


def item_input(**fields: Any) -> dict[str, Any]:
    """A whole item as a client sends it."""
    item = {
        "name": "First item",
        "description": "Two for the kitchen.",
        "status": "doing",
        "quantity": 2,
        "tags": ["home", "urgent"],
    }
    return {**item, **fields}
