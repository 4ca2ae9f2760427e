"""HTTP/1.1 on one connection: its requests, one after the other.

Hypercorn's classes for this pass each part of a request through a queue, and each part of a
response through h11's checks and to the socket by itself: a quarter of the CPU time of a read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import unquote

import h11
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.events import Closed, Event, RawData, Updated

from serving.asgi import Addresses, Application, Headers, Scope
from serving.config import ServerConfig
from serving.http1_exchange import CLOSE, NO_BODY, Exchange, head
from serving.http1_parser import StrictConnection


class Http1:
    """The server's side of one connection. It parses each request after `turn`."""

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        group: TaskGroup,
        addresses: Addresses,
        send: Callable[[Event], Awaitable[None]],
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._application = application
        self._config = config
        self._group = group
        self._is_tls, self._client, self._server = addresses
        self._turn = turn
        self._has_turn = False
        self._send = send
        self._parser = StrictConnection(config)
        self._exchange: Exchange | None = None
        self._client_left = self._closing = False

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        return self._exchange is None

    @property
    def waits_for_client(self) -> bool:
        """Whether the client still has to send a request or the rest of one."""
        return self._exchange is None or not self._exchange.complete

    async def initiate(self) -> None:
        """Send nothing: the client begins."""

    async def handle(self, event: Event) -> None:
        """Handle what was received; this waits for a turn, and while too much is unanswered."""
        if type(event) is Closed:
            self._client_left = True
            self._stop_receiving()
        elif isinstance(event, RawData) and not self._is_last:
            if self.idle:
                await self._turn()
                self._has_turn = True
            self._parser.receive_data(event.data)
            await self._parse()

    @property
    def _is_last(self) -> bool:
        """Whether what follows is ignored (RFC 9112 §9.6)."""
        if self._client_left or self._closing:
            return True
        exchange = self._exchange
        return exchange is not None and exchange.complete and not exchange.keep_alive

    async def _parse(self) -> None:
        while not self._is_last:
            exchange = self._exchange
            if exchange is not None and exchange.complete:
                if not self._parser.trailing_data[0]:
                    return
                await exchange.answered()
                continue
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            if event is h11.NEED_DATA:
                return
            if type(event) is h11.Request:
                await self._begin(event)
            elif exchange is not None:
                await exchange.arrived(event)

    async def _begin(self, request: h11.Request) -> None:
        if not self._has_turn:  # it has arrived together with the request before it
            await self._turn()
        self._has_turn = False
        self._exchange = exchange = Exchange(
            request.method,
            self._parser.headers,
            is_http11=request.http_version == b"1.1",
            awaits_continue=self._parser.they_are_waiting_for_100_continue,
            general_headers=self._general_headers,
            write=self._write,
            end=self._end,
        )
        self._group.spawn(self._run, exchange, self._scope_of(request))

    def _scope_of(self, request: h11.Request) -> Scope:
        path, _, query = self._parser.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "http_version": request.http_version.decode(),
            "method": request.method.decode(),
            "scheme": "https" if self._is_tls else "http",
            "path": unquote(path.decode()),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self._parser.headers,
            "client": self._client,
            "server": self._server,
            "state": {},
            "extensions": {},
        }

    async def _run(self, exchange: Exchange, scope: Scope) -> None:
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            await self._config.log.exception("Error in ASGI Framework")
        finally:
            if self._exchange is exchange and not self._closing:
                await self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _end(self) -> None:
        """Begin the next request, or close, after a response."""
        exchange, self._exchange = self._exchange, None
        if exchange is None or self._closing:
            return
        if exchange.keep_alive and exchange.complete:
            self._parser = StrictConnection(self._config, self._parser.trailing_data[0])
            await self._send(Updated(idle=True))
        else:
            await self._close()

    async def _refuse(self, status: int) -> None:
        """Close, after a response with `status` if the client waits for one."""
        is_waiting = self._exchange is None or not self._exchange.begun
        self._closing = True
        if is_waiting and not self._client_left:
            refusal = head(status, [NO_BODY, CLOSE, *self._general_headers()])
            await self._send(RawData(refusal))
        await self._close()

    async def _close(self) -> None:
        self._closing = True
        self._stop_receiving()
        await self._send(Closed())

    async def _write(self, data: bytes) -> None:
        if self._closing:
            await asyncio.sleep(0)  # otherwise an application that only sends would block the loop
        else:
            await self._send(RawData(data))

    def _stop_receiving(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def _general_headers(self) -> Headers:
        return self._config.response_headers("h11")
