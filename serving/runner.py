"""Serve an ASGI application with Hypercorn until a signal, and stop without losing requests.

After the first signal of DRAINING the application reports that it is not ready (serving/drain.py).
After a delay, in which a load balancer can notice and use other processes, the connections are
ended (serving/server.py). A second signal ends the process immediately.
"""

import asyncio
import faulthandler
import logging
import os
import resource
import signal
import socket
from contextlib import suppress
from types import FrameType

from serving.bridge import Bridge
from serving.config import Options, ServerConfig, hypercorn_config
from serving.drain import Drain
from serving.lifespan import opened
from serving.listener import address_of, inherited, listen
from serving.server import Server

REPEATED = {signal.SIGHUP, getattr(signal, "SIGPWR", signal.SIGHUP)}
"""Signals that can come more than once for one event: a terminal that is closed sends SIGHUP again,
and the kernel sends setpriv's --pdeathsig, which is SIGPWR in the Makefile (macOS has none), as
each thread of the parent ends."""

DRAINING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, *REPEATED)
IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
"""Supervisors and log rotation send these to programs that use them; by default they would end a
process at once."""

log = logging.getLogger(__name__)


def run(application: Bridge, options: Options) -> None:
    """Serve until a signal. Raises SystemExit with one line if it can't start."""
    raise_descriptor_limit()
    config = hypercorn_config(options)
    if options.listen_fd is None:
        listener = listen(options.host, options.port)
    else:
        listener = inherited(options.listen_fd)
    asyncio.run(serve(application, listener, config, options))


async def serve(
    application: Bridge, listener: socket.socket, config: ServerConfig, options: Options
) -> None:
    """Enter the application's lifespan, serve on `listener` until a signal, and leave both."""
    drain = Drain(application)
    server = Server(drain, config, options)
    async with opened(application.lifespan):
        await server.start(listener)
        stop = first_signal()
        log.info("Running on %s", address_of(listener, tls=config.ssl_enabled))
        notify(options.notify_socket, "READY=1")
        alive = asyncio.create_task(report_alive(options))
        await stop.wait()
        notify(options.notify_socket, "STOPPING=1")
        drain.stopping = True
        log.info("stopping, in %s seconds; another signal stops it at once", options.shutdown_delay)
        await asyncio.sleep(options.shutdown_delay)
        drain.closing = True
        await server.stop(options.shutdown_grace)
        alive.cancel()


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one, which needs no privilege."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # as on macOS, which doesn't allow its own hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def report_alive(options: Options) -> None:
    """Notify the service manager, twice as often as required, that the loop is not stuck.

    If it is stuck, a thread that needs no lock of Python's writes to standard error where, and ends
    the process.
    """
    seconds = (options.watchdog_usec or 0) / 1e6
    try:
        while seconds:
            notify(options.notify_socket, "WATCHDOG=1")
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / 2)
    finally:
        faulthandler.cancel_dump_traceback_later()


def notify(address: str, state: str) -> None:
    """Send `state` to the service manager's socket, as sd_notify(3) describes, unless `address` is
    empty; `@` means an abstract socket."""
    if not address:
        return
    path = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), path)
    except OSError as error:
        log.warning("cannot send %s to %s: %s", state, address, error.strerror)


def first_signal() -> asyncio.Event:
    """Return an event that the next signal of DRAINING sets. Another one ends the process at once,
    except for those of REPEATED."""
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    numbers = set(DRAINING)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # set by nohup
        numbers.remove(signal.SIGHUP)

    def handle() -> None:
        signalled.set()
        for number in numbers - REPEATED:
            loop.remove_signal_handler(number)
            signal.signal(number, end_at_once)

    for number in numbers:
        loop.add_signal_handler(number, handle)
    return signalled


def end_at_once(number: int, frame: FrameType | None) -> None:
    # The signal's default action can't be used: process 1 of a container doesn't have it.
    os._exit(128 + number)
