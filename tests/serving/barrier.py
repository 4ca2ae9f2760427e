"""asgi:app with one view more, which answers once N requests are inside it."""

import asyncio

from asgi import app, flask_app

__all__ = ["app"]

N = 20
barrier = asyncio.Barrier(N)


async def wait_for_the_others() -> str:
    async with asyncio.timeout(60):
        await barrier.wait()
    return "all are here"


flask_app.add_url_rule("/wait", view_func=wait_for_the_others)
