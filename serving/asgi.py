"""The types of the ASGI specification, version 3.0, that are used here."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]
Address = tuple[str, int] | None
Addresses = tuple[bool, Address, Address]
"""Whether TLS is used, the client's address and the server's address."""
