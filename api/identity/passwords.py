"""Hash passwords with argon2id (RFC 9106), in threads beside the event loop.

The parameters are the first choice of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one
lane. A hash took 20 ms to 26 ms of one core on a shared machine with two cores; argon2-cffi's
defaults, 64 MiB and three passes, took 165 ms there.
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

from api.identity.errors import PasswordsBusy

P = ParamSpec("P")
T = TypeVar("T")

HASHER = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
THREADS = 2
"""The number of hashes at once, which limits the memory and the cores that they use."""
WAITING = 50
"""The number of hashes that may wait, about a second's work of one core. Further requests get 503,
because an endless queue would answer every request too late."""
CHANGING = 10
"""The number of hashes for signed-in users that may wait. They have their own queue, so that they
can't keep others from signing in."""


class Passwords:
    """Hashes and verifies passwords in its own threads, so that the event loop isn't blocked."""

    def __init__(
        self, hasher: PasswordHasher = HASHER, *, threads: int = THREADS, waiting: int = WAITING
    ) -> None:
        self._hasher = hasher
        self._dummy_hash = _unmatched_hash(hasher)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._slots = BoundedSemaphore(threads + waiting)
        self._changing = BoundedSemaphore(CHANGING)

    async def hash(self, password: str, *, signed_in: bool = False) -> str:
        """Return the hash to store. `signed_in`: the user has a session. Raises PasswordsBusy."""
        return await self._run(signed_in, self._hasher.hash, _normalized(password))

    async def verify(
        self,
        password: str,
        hash: str | None,  # noqa: A002  # the clearest name
        *,
        signed_in: bool = False,
    ) -> bool:
        """Return whether `hash` is the hash of `password`.

        None, for an unknown user, takes the same work, so that the time reveals nothing.
        `signed_in`: the user has a session. Raises PasswordsBusy.
        """
        known = hash or self._dummy_hash
        try:
            return await self._run(signed_in, self._hasher.verify, known, _normalized(password))
        except VerifyMismatchError:
            return False

    def needs_rehash(self, hash: str) -> bool:  # noqa: A002  # as above
        """Return whether `hash` was made with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(hash)

    async def close(self) -> None:
        """Wait for running hashes, then end the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(
        self, signed_in: bool, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        slots = self._changing if signed_in else self._slots
        if not slots.acquire(blocking=False):
            raise PasswordsBusy
        future = self._threads.submit(function, *args, **kwargs)
        # If the client leaves, a waiting hash is cancelled and its slot becomes free at once.
        future.add_done_callback(lambda _: slots.release())
        return await asyncio.wrap_future(future)


def _normalized(password: str) -> str:
    """Return Unicode's form C, which is the same from every keyboard (RFC 8265 §4.2)."""
    return normalize("NFC", password)


def _unmatched_hash(hasher: PasswordHasher) -> str:
    """Return a hash that no password matches, and that takes as long to verify as a real one."""
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = map(secrets.token_bytes, (hasher.salt_len, hasher.hash_len))
    encoded = [b64encode(part).decode().rstrip("=") for part in (salt, digest)]
    return "$".join(["", "argon2id", "v=19", parameters, *encoded])
