"""Kill the server at random moments of a load of writes, and compare the ledger with the database.

    python -m bench.durability [rounds]

Each round starts the server, lets 16 clients write gizmos and ends its process with SIGKILL.
Requests without a response are repeated in the next round. At the end the database is read
directly. tests/faults/test_killed.py runs such rounds too.
"""

import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
from sqlalchemy import Connection, text

from storage import open_database
from tests.ledger import Ledger, Result
from tests.postgresql import Server

ROOT = Path(__file__).parent.parent
CLIENTS = 16
TIMEOUT = 60
"""Seconds: on a busy machine a response may take longer than httpx waits by default."""


class Service:
    """Run `python asgi.py` on the database at `url`, in a process that may be killed."""

    def __init__(self, folder: Path, url: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.asgi"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": url,
                "PORT": "0",
                **environ,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._reader = threading.Thread()

    def __enter__(self) -> Self:
        log = self.process.stderr
        assert log is not None
        for line in log:
            self.log.append(line)
            if found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", line):
                self.address = found[0]
                # The log must be read, because a server blocks once the pipe is full.
                self._reader = threading.Thread(target=self.log.extend, args=(log,))
                self._reader.start()
                return self
        raise AssertionError(f"ended with {self.process.wait()}: {''.join(self.log)}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()


@dataclass
class Load:
    """Writes gizmos against a server that is killed, and keeps a ledger of them."""

    folder: Path
    url: str
    most: int = 300
    """The maximum number of acknowledged writes after which a round ends."""
    ledger: Ledger = field(default_factory=Ledger)

    async def write_until_killed(self) -> None:
        """Run one round."""
        last = self.ledger.acknowledged + random.randint(1, self.most)
        loop = asyncio.get_running_loop()

        async def write(client: httpx.AsyncClient) -> None:
            while await self.ledger.write(client):
                if self.ledger.acknowledged == last:
                    loop.call_later(random.random() / 100, service.process.kill)

        with Service(self.folder, self.url) as service:
            async with (
                httpx.AsyncClient(base_url=service.address, timeout=TIMEOUT) as client,
                asyncio.TaskGroup() as clients,
            ):
                for _ in range(CLIENTS):
                    clients.create_task(write(client))

    async def result(self) -> Result:
        """Repeat all requests without a response, on a server that isn't killed; the result."""
        with Service(self.folder, self.url) as service:
            async with httpx.AsyncClient(base_url=service.address, timeout=TIMEOUT) as client:
                await self.ledger.repeat_unanswered(client)
        return await self.ledger.result(self.url)


async def stored_names(url: str) -> list[str]:
    """Return the names of all items as a new process finds them; SQLite checks its whole file."""

    def read(connection: Connection) -> list[str]:
        if connection.dialect.name == "sqlite":
            check = connection.execute(text("PRAGMA integrity_check")).scalar_one()
            if check != "ok":
                raise AssertionError(check)
        return list(connection.execute(text("SELECT name FROM gizmos")).scalars())

    async with open_database(url, auto_migrate=True) as database:
        return await database.read(read)


async def measure(kind: str, folder: Path, url: str, rounds: int) -> None:
    load = Load(folder, url)
    for _ in range(rounds):
        await load.write_until_killed()
    figures = (await load.result())._asdict().items()
    print(f"{kind}: {rounds} kills, {', '.join(f'{n} {name}' for name, n in figures)}")


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(measure("sqlite", folder, f"sqlite:///{folder}/api.db", rounds))
        server = Server(fsync=True)
        try:
            with server.database() as url:
                asyncio.run(measure("postgresql", folder, url, rounds))
        finally:
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
