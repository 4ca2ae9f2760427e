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
from serving.connections import Limits
from serving.drain import Drain
from serving.lifespan import opened
from serving.listener import address_of, inherited, listen
from serving.notify import State, notify
from serving.server import Server

DEFAULT_CONNECTIONS = 4096
"""The default limit, unless descriptors are fewer: a connection takes about 50 kB of memory."""

RESERVED = 256
"""The descriptors reserved for the database, its pool, files and the log; half of all if there are
fewer than twice as many."""

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
    server = Server(drain, config, limits_of(options))
    async with opened(application.lifespan):
        await server.start(listener)
        stop = first_signal()
        log.info("Running on %s", address_of(listener, tls=config.ssl_enabled))
        notify(options.notify_socket, State.READY)
        alive = asyncio.create_task(report_alive(options))
        await stop.wait()
        notify(options.notify_socket, State.STOPPING)
        drain.stopping = True
        log.info("stopping, in %s seconds; another signal stops it at once", options.shutdown_delay)
        await asyncio.sleep(options.shutdown_delay)
        drain.closing = True
        await server.stop(options.shutdown_grace)
        alive.cancel()


def limits_of(options: Options) -> Limits:
    most = options.max_connections or min(DEFAULT_CONNECTIONS, descriptors_for_connections())
    return Limits(
        keep_alive=options.keep_alive_timeout,
        send_timeout=options.send_timeout,
        connections=most,
    )


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one, which needs no privilege."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # as on macOS, which doesn't allow its own hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors_for_connections() -> int:
    """Return the limit of descriptors without those that are RESERVED."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(soft - RESERVED, soft // 2)


async def report_alive(options: Options) -> None:
    """Notify the service manager, twice as often as required, that the loop is not stuck.

    If it is stuck, a thread that needs no lock of Python's writes to standard error where, and ends
    the process.
    """
    seconds = (options.watchdog_usec or 0) / 1e6
    try:
        while seconds:
            notify(options.notify_socket, State.ALIVE)
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / 2)
    finally:
        faulthandler.cancel_dump_traceback_later()


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
