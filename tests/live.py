"""A real Hypercorn on a real socket, in a thread, for what only the wire shows."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from hypercorn.asyncio import serve
from hypercorn.config import Config

from serving.asgi import Application
from serving.runner import hypercorn_config


@contextlib.contextmanager
def serving(application: Application) -> Iterator[str]:
    """Serve `application` and give its address, such as http://127.0.0.1:41234."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = listener.getsockname()[1]
    config: Config = hypercorn_config("127.0.0.1", port)
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 3
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    failures: list[BaseException] = []

    async def stopped() -> None:
        started.set()
        await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve(application, config, shutdown_trigger=stopped))  # type: ignore[arg-type]  # Hypercorn has narrower types of ASGI
        except BaseException as error:  # noqa: BLE001  # for the test that waits
            failures.append(error)
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, name="hypercorn")
    thread.start()
    started.wait()
    try:
        if failures:
            raise failures[0]
        yield f"http://127.0.0.1:{port}"
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
