"""A bare ASGI function, which shows the limit of the server."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        raise ValueError(f"the scope type {scope['type']!r} is not supported")
    if scope["path"] == "/wait":
        await asyncio.sleep(0.1)
    body = json.dumps({"status": "ok", "timestamp": datetime.now(UTC).isoformat()}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
