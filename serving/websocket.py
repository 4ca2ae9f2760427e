"""What a WebSocket handshake gets from an application that has no WebSocket."""

from serving.asgi import Application, Message, Receive, Scope, Send

CLOSE: Message = {"type": "websocket.close"}


async def refuse_websocket(
    application: Application, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer the GET request that a handshake is, as if it asked for no upgrade.

    Servers that can't carry such an answer are told to close, which they turn into a bare 403.
    """
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send(CLOSE)
        return

    async def receive_http() -> Message:
        connected = (await receive())["type"] == "websocket.connect"
        return {"type": "http.request"} if connected else {"type": "http.disconnect"}

    async def send_http(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    scheme = "https" if scope.get("scheme") == "wss" else "http"
    request = {**scope, "type": "http", "method": "GET", "scheme": scheme}
    await application(request, receive_http, send_http)
