"""The public keys of an identity provider (a JWK set, RFC 7517), fetched when a key is missing and
then kept. `jku`, `x5u` and similar members of a token's header are ignored."""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from math import inf
from time import monotonic
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

import structlog
from jwt import PyJWK, PyJWKSet, PyJWTError

from api.identity.errors import ProviderUnavailable

ALGORITHMS = ("RS256", "ES256")
TIMEOUT = 3
"""The seconds in which the provider must answer, and for which a request waits."""
PAUSE = 30
"""The minimum seconds between two fetches, so that made-up tokens don't cause as many requests to
the provider."""
KEPT_FOR = 300
"""The seconds after which the keys are fetched again even if none is missing, so that a withdrawn
key isn't trusted for longer."""
MAX_SIZE = 256 * 1024
"""The maximum bytes of a key set; a dozen keys with certificates take far less."""

log = structlog.get_logger(__name__)

Keys = Mapping[str, PyJWK]


class UnknownKey(Exception):
    """The provider has no key of this id."""


class KeySet:
    """The keys at `url`, by their ids. One fetch at a time, in a thread of its own."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = TIMEOUT,
        pause: float = PAUSE,
        kept_for: float = KEPT_FOR,
    ) -> None:
        self._url = url
        self._timeout, self._pause, self._kept_for = timeout, pause, kept_for
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._keys: Keys = {}
        self._asked_at = -inf
        self._fetch: Future[str | None] = Future()  # its result is the error, or None
        self._fetch.set_result(None)

    async def find(self, key_id: str) -> PyJWK:
        """Return the key; a known key is returned at once, even if the provider is down.

        Raises UnknownKey if the provider doesn't have the key, and ProviderUnavailable if its keys
        can't be fetched.
        """
        now = monotonic()
        wanted_after = self._kept_for if key_id in self._keys else self._pause
        if self._fetch.done() and now - self._asked_at >= wanted_after:
            self._asked_at = now
            self._fetch = self._thread.submit(self._fetch_keys)
        if key_id not in self._keys:
            await self._fetched(within=self._asked_at + self._timeout - now)
        if key_id not in self._keys:
            raise UnknownKey
        return self._keys[key_id]

    async def close(self) -> None:
        """Wait for the running fetch, then end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _fetched(self, *, within: float) -> None:
        """Wait for the latest fetch. Raises ProviderUnavailable if it fails or takes too long."""
        fetch = self._fetch
        if not fetch.done():
            # Other requests wait for it too, so it continues if this request is cancelled.
            await asyncio.wait([asyncio.wrap_future(fetch)], timeout=max(0, within))
        failure = fetch.result() if fetch.done() else "the provider takes too long to answer"
        if failure is not None:
            raise ProviderUnavailable(failure)

    def _fetch_keys(self) -> str | None:
        try:
            self._keys = usable_keys(download(self._url, timeout=self._timeout))
        except (OSError, HTTPException, ValueError, RecursionError, PyJWTError) as error:
            log.warning("keys_not_fetched", cause=str(error))
            return str(error)
        log.info("keys_fetched", keys=sorted(self._keys))
        return None


class NoRedirects(HTTPRedirectHandler):
    """Doesn't follow redirects: only the operator decides on the address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def download(url: str, *, timeout: float) -> bytes:
    """Return the content of `url`. Raises OSError, HTTPException, and ValueError if it is too
    large."""
    end = monotonic() + timeout
    content = b""
    with build_opener(NoRedirects).open(url, timeout=timeout) as response:
        while chunk := response.read1(MAX_SIZE):
            content += chunk
            if len(content) > MAX_SIZE:
                raise ValueError(f"more than {MAX_SIZE} bytes")
            if monotonic() > end:  # urllib's timeout applies to each read, not to all together
                raise TimeoutError("the provider takes too long to answer")
    return content


def usable_keys(content: bytes) -> Keys:
    """Return the keys that can verify signatures. Raises ValueError and PyJWTError."""
    document = json.loads(content)
    keys = PyJWKSet(document.get("keys", []) if isinstance(document, dict) else [])
    return {key.key_id: key for key in keys if key.key_id and _is_usable(key)}


def _is_usable(key: PyJWK) -> bool:
    """Reject published secrets (`oct`), keys for other purposes, and keys that are too short."""
    return (
        key.algorithm_name in ALGORITHMS
        and key.public_key_use in {None, "sig"}
        and key.Algorithm.check_key_length(key.key) is None
    )
