"""Transports that repeat a request when the response says by Retry-After that this helps.

    Client(url, httpx_args={"transport": Retrying()})

The retry is the same request with the same Idempotency-Key, after the seconds that the response
asks for. A POST without a key is only repeated after 429, when nothing was written.
"""

import asyncio
import time

import httpx

LONGEST_WAIT = 60


class Retrying(httpx.HTTPTransport):
    """Sends a request `attempts` times at most, and waits 60 seconds at most between two."""

    attempts = 4

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(self.attempts - 1):
            response = super().handle_request(request)
            if (seconds := _wait(request, response)) is None:
                return response
            response.close()
            time.sleep(seconds)
        return super().handle_request(request)


class AsyncRetrying(httpx.AsyncHTTPTransport):
    """`Retrying`, with asyncio."""

    attempts = 4

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(self.attempts - 1):
            response = await super().handle_async_request(request)
            if (seconds := _wait(request, response)) is None:
                return response
            await response.aclose()
            await asyncio.sleep(seconds)
        return await super().handle_async_request(request)


def _wait(request: httpx.Request, response: httpx.Response) -> int | None:
    """The seconds until the retry; None if there must be none."""
    seconds = response.headers.get("Retry-After", "")
    safe = request.method != "POST" or "Idempotency-Key" in request.headers
    repeat = safe or response.status_code == httpx.codes.TOO_MANY_REQUESTS
    if not repeat or not seconds.isdecimal() or int(seconds) > LONGEST_WAIT:
        return None
    return int(seconds)
