"""Passwords: what is kept of them, and what hashing them costs the rest."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from api import create_app
from api.identity.errors import PasswordsBusy
from api.identity.passwords import CHANGING, HASHER, Passwords
from tests.factory import PASSWORD, settings_for


class Held(PasswordHasher):
    """Makes hashes once `released`, and takes note of what it verifies."""

    def __init__(self) -> None:
        super().__init__(memory_cost=8, time_cost=1, parallelism=1)
        self.released = threading.Event()
        self.entered = threading.Semaphore(0)
        self.verified: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.entered.release()
        assert self.released.wait(60)
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # as there
        self.verified.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords()
    yield passwords
    await passwords.close()


@pytest.fixture
def hasher() -> Held:
    return Held()


@pytest.fixture
async def held(hasher: Held) -> AsyncIterator[Passwords]:
    """One at a time, and one in line."""
    passwords = Passwords(hasher, threads=1, waiting=1)
    yield passwords
    hasher.released.set()
    await passwords.close()


async def test_a_hash_is_of_its_password_alone(passwords: Passwords) -> None:
    first, second = [await passwords.hash(PASSWORD) for _ in range(2)]
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert await passwords.verify(PASSWORD, first)
    assert not await passwords.verify(PASSWORD.title(), first)
    assert not passwords.needs_rehash(first)


async def test_a_password_is_the_same_from_every_keyboard(passwords: Passwords) -> None:
    hashed = await passwords.hash("Zwo\u0308lf Boxka\u0308mpfer")
    assert await passwords.verify("Zw\xf6lf Boxk\xe4mpfer", hashed)


async def test_an_unknown_account_costs_one_hash_too(hasher: Held, held: Passwords) -> None:
    assert not await held.verify(PASSWORD, None)
    [hashed] = hasher.verified
    assert extract_parameters(hashed).memory_cost == hasher.memory_cost
    assert not held.needs_rehash(hashed)


async def test_a_hash_of_other_parameters_is_to_be_made_anew(passwords: Passwords) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    assert await passwords.verify(PASSWORD, weaker)
    assert passwords.needs_rehash(weaker)
    assert HASHER.time_cost == 2


async def test_the_line_has_an_end(hasher: Held, held: Passwords) -> None:
    running, waiting = [asyncio.ensure_future(held.hash(PASSWORD)) for _ in range(2)]
    await asyncio.to_thread(hasher.entered.acquire)
    with pytest.raises(PasswordsBusy):
        await held.hash(PASSWORD)
    with pytest.raises(PasswordsBusy):
        await held.verify(PASSWORD, None)
    hasher.released.set()
    assert all(await asyncio.gather(running, waiting))
    assert await held.hash(PASSWORD)


async def test_hashes_of_signed_in_users_have_their_own_queue(
    hasher: Held, held: Passwords
) -> None:
    changing = [asyncio.ensure_future(held.hash(PASSWORD, signed_in=True)) for _ in range(CHANGING)]
    await asyncio.to_thread(hasher.entered.acquire)
    for asked in (held.hash(PASSWORD, signed_in=True), held.verify(PASSWORD, None, signed_in=True)):
        with pytest.raises(PasswordsBusy):
            await asked
    signing_in = [asyncio.ensure_future(held.hash(PASSWORD)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy):
        await held.hash(PASSWORD)
    hasher.released.set()
    assert all(await asyncio.gather(*changing, *signing_in))


async def test_a_cancelled_hash_frees_its_place_in_the_queue(hasher: Held, held: Passwords) -> None:
    running, waiting = [asyncio.ensure_future(held.hash(PASSWORD)) for _ in range(2)]
    await asyncio.to_thread(hasher.entered.acquire)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    another = asyncio.ensure_future(held.hash(PASSWORD))
    hasher.released.set()
    assert all(await asyncio.gather(running, another))


async def test_closing_the_application_ends_the_threads_of_passwords(tmp_path: Path) -> None:
    async with create_app(settings_for(tmp_path)) as app:
        assert await app.services[Passwords].hash(PASSWORD)
    with pytest.raises(RuntimeError, match="after shutdown"):
        await app.services[Passwords].hash(PASSWORD)
