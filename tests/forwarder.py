"""A TCP address that leads to one Unix socket, and later to another, as after a failover."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit


def socket_of(url: str) -> Path:
    """The Unix socket of the PostgreSQL that `url` names."""
    [folder] = parse_qs(urlsplit(url).query)["host"]
    return Path(folder, ".s.PGSQL.5432")


class Forwarder:
    """`target`: where new connections lead. Those that are open stay where they are."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.accepted = 0
        self.received = bytearray()
        """What clients have sent, all connections together."""
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self.target)
        await asyncio.gather(_copy(reader, back, self.received.extend), _copy(there, writer, len))


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], object]
) -> None:
    try:
        while data := await reader.read(65536):
            seen(data)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # either side has left
    finally:
        writer.close()
