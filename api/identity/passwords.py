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
from typing import ParamSpec, TypeVar
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


CHANGING = 10
"""How many passwords of users who are signed in already may be in line, besides those: they take no
place from people who sign in."""


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
        self._changing = BoundedSemaphore(CHANGING)

    async def hash(self, password: str, *, signed_in: bool = False) -> str:
        """The hash to store. `signed_in`: for a user who has a session. Raises PasswordsBusy."""
        return await self._run(signed_in, self._hasher.hash, _normalized(password))

    async def verify(
        self,
        password: str,
        hash: str | None,  # noqa: A002  # what it is
        *,
        signed_in: bool = False,
    ) -> bool:
        """Whether `hash` is that of `password`. None, for an unknown user, costs the same work, so
        that the time it takes tells nothing. `signed_in`: as above. Raises PasswordsBusy."""
        known = hash or self._nobodys_hash
        try:
            return await self._run(signed_in, self._hasher.verify, known, _normalized(password))
        except VerifyMismatchError:
            return False

    def needs_rehash(self, hash: str) -> bool:  # noqa: A002  # as above
        """Whether `hash` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hash)

    async def close(self) -> None:
        """Wait for what is running, then end the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(
        self, signed_in: bool, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        places = self._changing if signed_in else self._places
        if not places.acquire(blocking=False):
            raise PasswordsBusy
        future = self._threads.submit(function, *args, **kwargs)
        # Where the client has left, it is cancelled, and its place is free, before its turn comes.
        future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)


def _normalized(password: str) -> str:
    """The same bytes from whatever keyboard (RFC 8265 §4.2: Unicode's form C)."""
    return normalize("NFC", password)


def _unmatched_hash(hasher: PasswordHasher) -> str:
    """What no password has for its hash, at the price of any other."""
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = map(secrets.token_bytes, (hasher.salt_len, hasher.hash_len))
    encoded = [b64encode(part).decode().rstrip("=") for part in (salt, digest)]
    return "$".join(["", "argon2id", "v=19", parameters, *encoded])
