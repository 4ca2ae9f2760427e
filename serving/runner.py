"""Serves an ASGI application with Hypercorn until SIGTERM or SIGINT, and ends without a loss.

On the first signal the application is told (serving/drain.py); after a delay, in which a load
balancer may find out and go elsewhere, the connections come to their ends (serving/server.py).
A second signal ends the process where it stands.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from types import FrameType

from hypercorn.config import Config

from serving.bridge import Bridge
from serving.connections import Limits
from serving.descriptors import descriptors_for_connections, raise_descriptor_limit
from serving.drain import Drain
from serving.lifespan import opened
from serving.listener import address_of, inherited, listen, turn_away
from serving.notify import ALIVE, READY, STOPPING, notify
from serving.server import Server

HSTS = (b"strict-transport-security", b"max-age=31536000")

MOST_CONNECTIONS = 4096
"""For how many connections a process has the memory, about 50 kB each, unless it is told so."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to serve.

    `max_connections`: by default what the limit of descriptors allows, up to MOST_CONNECTIONS.
    `listen_fd`: a listening socket's descriptor, in place of `host` and `port`. `delay`: seconds
    from the signal until no more connection is accepted; `grace`: seconds from then on until
    what still runs is cut off. `certfile` turns TLS on; without a `keyfile` it holds the key too.
    `watchdog`: seconds within which the manager at `notify_socket` must hear that the loop runs.
    """

    host: str = "127.0.0.1"
    port: int = 0
    listen_fd: int | None = None
    keep_alive_timeout: float = 5
    send_timeout: float = 30
    max_connections: int | None = None
    cleartext_http2: bool = False
    certfile: str = ""
    keyfile: str = ""
    delay: float = 0
    grace: float = 20
    notify_socket: str = ""
    watchdog: float | None = None


def run(application: Bridge, options: Options) -> None:
    """Serve until the end. Raises SystemExit with one line when it can't begin."""
    raise_descriptor_limit()
    config = hypercorn_config(options)
    if options.listen_fd is None:
        listener = listen(options.host, options.port)
    else:
        listener = inherited(options.listen_fd)
    asyncio.run(serve(application, listener, config, options))


async def serve(
    application: Bridge, listener: socket.socket, config: Config, options: Options
) -> None:
    """Enter the application's lifespan, serve on `listener` until a signal, and leave both."""
    drain = Drain(application)
    server = Server(drain, config, limits_of(options), cleartext_http2=options.cleartext_http2)
    async with opened(application.lifespan):
        await server.start(listener)
        stop = first_signal()
        log.info("Running on %s", address_of(listener, tls=config.ssl_enabled))
        notify(options.notify_socket, READY)
        alive = asyncio.create_task(report_alive(options))
        await stop.wait()
        notify(options.notify_socket, STOPPING)
        drain.stopping = True
        log.info("stopping, in %s seconds; another signal ends it at once", options.delay)
        await asyncio.sleep(options.delay)
        if options.listen_fd is None:
            await turn_away(listener)
        drain.close()
        await server.stop(options.grace)
        alive.cancel()


def limits_of(options: Options) -> Limits:
    most = options.max_connections or min(MOST_CONNECTIONS, descriptors_for_connections())
    return Limits(
        keep_alive=options.keep_alive_timeout,
        send_timeout=options.send_timeout,
        connections=most,
    )


async def report_alive(options: Options) -> None:
    """Tell the service manager, twice as often as it asks for, that the loop is not stuck."""
    while options.watchdog:
        notify(options.notify_socket, ALIVE)
        await asyncio.sleep(options.watchdog / 2)


def first_signal() -> asyncio.Event:
    """What is set by the next signal. The one after that ends the process, whatever it does."""
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()

    def handle() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, end_at_once)
        signalled.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, handle)
    return signalled


def end_at_once(number: int, frame: FrameType | None) -> None:
    # And not the signal's default action, which the first process of a container doesn't have.
    os._exit(128 + number)


class ServerConfig(Config):
    """Hypercorn's configuration, with a header that keeps browsers to TLS where it is spoken."""

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        headers = super().response_headers(protocol)
        return [*headers, HSTS] if self.ssl_enabled else headers


def hypercorn_config(options: Options) -> Config:
    """Hypercorn's configuration: no access log, since the application writes a better one.

    Raises SystemExit with one line where the certificate or its key can't be used.
    """
    config = ServerConfig()
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.backlog = 1024  # connections wait there while a process is replaced
    config.h2_max_header_list_size = config.h11_max_incomplete_size
    config.keep_alive_max_requests = sys.maxsize
    if options.certfile:
        config.certfile = options.certfile
        config.keyfile = options.keyfile or options.certfile
        config.keyfile_password = ""  # or OpenSSL would ask the terminal for it
        config.ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
        config.ssl_handshake_timeout = 10
    try:
        config.create_ssl_context()
    except OSError as error:
        names = dict.fromkeys([config.certfile, config.keyfile])
        raise SystemExit(f"no TLS with {' and '.join(map(str, names))}: {error}") from None
    return config
