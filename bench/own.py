"""asgi:app with the items that the peers have too, whatever resources the application has, and with
an async view that waits 100 ms.

An item is a gizmo of tests/gizmos.py by another name.
"""

import asyncio

from api import application
from api.operations.standard import standard_operations
from schemas.pages import page_of
from tests.gizmos import GIZMOS, Gizmo, GizmoInput, GizmoListQuery, GizmoPatch

__all__ = ["app", "flask_app"]

items = standard_operations(
    __name__,
    GIZMOS,
    "item",
    body=GizmoInput,
    patch=GizmoPatch,
    returns=Gizmo,
    page=page_of(Gizmo, "items"),
    query=GizmoListQuery,
)
application.RESOURCES = (
    *(blueprint for blueprint in application.RESOURCES if blueprint.name != items.name),
    items,
)

from asgi import app, flask_app  # noqa: E402  # it has what RESOURCES has by now


async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"


flask_app.add_url_rule("/wait", view_func=wait)
