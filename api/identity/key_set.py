"""The public keys of an identity provider (a JWK set, RFC 7517): fetched when one is missing, and
kept. `jku`, `x5u` and the like in a token's header are not looked at."""

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

ALGORITHMS = ("RS256", "ES256")
TIMEOUT = 3
"""Seconds that the provider has to answer, and that a request waits for it."""
PAUSE = 30
"""After how many seconds the provider is asked again at the earliest: tokens that somebody makes up
must not become as many requests to it."""
KEPT_FOR = 300
"""After how many seconds the keys are fetched again though none is missing: one that the provider
has withdrawn isn't trusted for longer."""
LARGEST = 256 * 1024
"""In bytes: a dozen keys, each with its certificates, are far less."""

log = structlog.get_logger(__name__)

Keys = Mapping[str, PyJWK]


class UnknownKey(Exception):
    """The provider has no key of this id."""


class ProviderUnavailable(Exception):
    """The identity provider can't be asked for its keys."""


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
        self._fetch: Future[str | None] = Future()  # of why it failed, if it did
        self._fetch.set_result(None)

    async def find(self, key_id: str) -> PyJWK:
        """At once if it is known, whatever the provider does.

        Raises UnknownKey, and ProviderUnavailable where nobody can tell.
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
        """Wait for what is running, then end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _fetched(self, *, within: float) -> None:
        """Wait until the latest fetch is over. Raises ProviderUnavailable, also if it failed."""
        fetch = self._fetch
        if not fetch.done():
            # Others wait for it too: it goes on when this request is given up.
            await asyncio.wait([asyncio.wrap_future(fetch)], timeout=max(0, within))
        failure = fetch.result() if fetch.done() else "it takes too long to answer"
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
    """The address is the operator's to give, and nobody else's."""

    def redirect_request(self, *_: Any) -> None:
        return None


def download(url: str, *, timeout: float) -> bytes:
    """What is at `url`. Raises OSError, HTTPException, and ValueError for too much of it."""
    end = monotonic() + timeout
    content = b""
    with build_opener(NoRedirects).open(url, timeout=timeout) as response:
        while chunk := response.read1(LARGEST):
            content += chunk
            if len(content) > LARGEST:
                raise ValueError(f"more than {LARGEST} bytes")
            if monotonic() > end:  # a single read has kept to it, but not all together
                raise TimeoutError("it takes too long to answer")
    return content


def usable_keys(content: bytes) -> Keys:
    """Those that a signature may be checked with. Raises ValueError and PyJWTError."""
    document = json.loads(content)
    keys = PyJWKSet(document.get("keys", []) if isinstance(document, dict) else [])
    return {key.key_id: key for key in keys if key.key_id and _is_usable(key)}


def _is_usable(key: PyJWK) -> bool:
    """A secret (`oct`) that stands in public isn't one, nor are keys too short to be safe."""
    return (
        key.algorithm_name in ALGORITHMS
        and key.public_key_use in {None, "sig"}
        and key.Algorithm.check_key_length(key.key) is None
    )
