"""Passwords: hashed with argon2id (RFC 9106), away from the event loop.

The parameters are those that OWASP's Password Storage Cheat Sheet names first: 19 MiB, two
passes, one lane. A hash took 20 ms to 26 ms of one core of the machine they were chosen on, which
has two and shares them; argon2-cffi's own 64 MiB and three passes took 165 ms.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, ParamSpec, TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

P = ParamSpec("P")
T = TypeVar("T")

HASHER = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
THREADS = 2
"""How many hashes are made at once: memory that they take, and cores that they leave."""
WAITING = 50
"""How many more may wait: about a second's worth of one core. Who comes then is told to come back,
since a queue without end would answer everybody too late."""


class PasswordsBusy(Exception):
    """More passwords wait to be hashed than can be in a second."""


class Passwords:
    """Hashes and verifies in threads of its own: the event loop goes on meanwhile."""

    def __init__(
        self, hasher: PasswordHasher = HASHER, *, threads: int = THREADS, waiting: int = WAITING
    ) -> None:
        self._hasher = hasher
        self._nobodys_hash = _unmatched_hash(hasher)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = BoundedSemaphore(threads + waiting)

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises PasswordsBusy."""
        return await self._run(self._hasher.hash, _normalized(password))

    async def verify(self, password: str, hash: str | None) -> bool:  # noqa: A002  # what it is
        """Whether `hash` is that of `password`. None, as of a user whom nobody knows, costs the
        same work, so that the time it takes tells nothing. Raises PasswordsBusy."""
        try:
            return await self._run(
                self._hasher.verify, hash or self._nobodys_hash, _normalized(password)
            )
        except VerifyMismatchError:
            return False

    def needs_rehash(self, hash: str) -> bool:  # noqa: A002  # as above
        """Whether `hash` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hash)

    async def close(self) -> None:
        """Wait for what is running, then end the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        future = self._threads.submit(function, *args, **kwargs)
        # Where the client has left, it is cancelled, and its place is free, before its turn comes.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _: Any) -> None:
        self._places.release()


def _normalized(password: str) -> str:
    """The same bytes from whatever keyboard (RFC 8265 §4.2: Unicode's form C)."""
    return normalize("NFC", password)


def _unmatched_hash(hasher: PasswordHasher) -> str:
    """What no password has for its hash, at the price of any other."""
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = map(secrets.token_bytes, (hasher.salt_len, hasher.hash_len))
    encoded = [b64encode(part).decode().rstrip("=") for part in (salt, digest)]
    return "$".join(["", "argon2id", "v=19", parameters, *encoded])
