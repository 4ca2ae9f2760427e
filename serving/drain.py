"""How responses change when the server is about to stop."""

from serving.asgi import Application, Message, Receive, Scope, Send

STOPPING = "serving.stopping"
"""The key, of the scope and of the environ, for whether the server is about to stop."""

CLOSE = (b"connection", b"close")


class Drain:
    """ASGI middleware with two switches, which the runner turns on one after the other.

    `stopping`: the application can see it, and may report that it is not ready. `closing`:
    responses over HTTP/1.1 have `Connection: close`.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.stopping = False
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_http1(message: Message) -> None:
            if self.closing and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), CLOSE]}
            await send(message)

        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_http1 = scope["http_version"].startswith("1")
        scope = {**scope, STOPPING: self.stopping}
        await self.application(scope, receive, send_http1 if is_http1 else send)
