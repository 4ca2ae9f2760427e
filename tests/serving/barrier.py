"""asgi:app with one view more, which answers once TOGETHER requests are inside it."""

import asyncio
import os

from tests.asgi import app, flask_app

__all__ = ["app"]

barrier = asyncio.Barrier(int(os.environ["TOGETHER"]))


async def wait_for_the_others() -> str:
    async with asyncio.timeout(60):
        await barrier.wait()
    return "all are here"


flask_app.add_url_rule("/wait", view_func=wait_for_the_others)
