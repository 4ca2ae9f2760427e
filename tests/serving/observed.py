"""An application whose requests a test can wait for."""

import asyncio

from serving.asgi import Application, Receive, Scope, Send


class Observed:
    """Passes everything on. `running`: how many requests have not ended, as the server sees it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.running = 0
        self.begun = 0
        self._changed = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        await self._count(1)
        try:
            await self.application(scope, receive, send)
        finally:
            await self._count(-1)

    async def busy(self, requests: int) -> None:
        """Wait until `requests` have begun."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.begun >= requests)

    async def idle(self, *, after: int = 1) -> None:
        """Wait until at least `after` requests have begun and all have ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.begun >= after and not self.running)

    async def _count(self, step: int) -> None:
        async with self._changed:
            self.running += step
            self.begun += max(step, 0)
            self._changed.notify_all()
