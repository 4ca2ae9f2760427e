"""The application as it is, asgi:app, with one route more: an async view that waits 100 ms."""

import asyncio

from asgi import app, flask_app

__all__ = ["app", "flask_app"]


async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"


flask_app.add_url_rule("/wait", view_func=wait)
