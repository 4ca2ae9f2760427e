"""The response to a WebSocket handshake from an application without WebSockets."""

from serving.asgi import Application, Message, Receive, Scope, Send

CLOSE: Message = {"type": "websocket.close"}


async def refuse_websocket(
    application: Application, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a handshake as the GET request that it is, ignoring the upgrade.

    Servers that can't send such a response are told to close, and answer with a 403 without a body.
    """
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send(CLOSE)
        return

    if (await receive())["type"] != "websocket.connect":
        return  # the client has left
    first: list[Message] = [{"type": "http.request"}]

    async def receive_http() -> Message:
        if first:
            return first.pop()
        await receive()
        return {"type": "http.disconnect"}

    async def send_http(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    scheme = "https" if scope.get("scheme") == "wss" else "http"
    request = {**scope, "type": "http", "method": "GET", "scheme": scheme}
    await application(request, receive_http, send_http)
