"""An event loop in a thread, for servers without one: Gunicorn, `flask run`, the test client.

asgiref's own async_to_sync makes a loop for each call, and objects that outlive a call (a pool of
asynchronous connections) would then belong to a closed loop.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for any thread. The loop starts with the first coroutine, so after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for `coroutine`, which sees the context variables of the calling thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop()).result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(
                    target=self._loop.run_forever, name="background-loop", daemon=True
                ).start()
            return self._loop
