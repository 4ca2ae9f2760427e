"""Rounds of measurements: in each round all contestants are started and do each work in turns, so
that other load on the machine affects all of them."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.answers import answers_of, differences, first_etag, health_of
from bench.contestants import CONTESTANTS, DATABASES, FASTAPI, OURS
from bench.databases import Databases, made
from bench.figures import CPU, MEMORY, P50, P99, RATE, START_UP, Figures, Key
from bench.load import Items, WrongAnswer, put_load
from bench.machine import Cores
from bench.servers import Server, served
from bench.targets import TARGETS
from bench.works import WORKS, Work, items_needed, items_to_change

Plan = Mapping[tuple[str, str], Sequence[Work]]
"""The works of each contestant, by its name and the kind of database."""


def everything() -> Plan:
    return {
        (contestant.name, database): [
            work
            for work in WORKS
            if database in work.databases
            and (contestant.only is None or work.name in contestant.only)
            and (contestant == OURS or not work.signed_in)
        ]
        for contestant in CONTESTANTS
        for database in contestant.databases
    }


def what_targets_ask() -> Plan:
    """Return the works to measure; for our API and FastAPI, whose memory is compared, all of
    them."""
    asked = {
        (key.contestant, key.database, key.work)
        for target in TARGETS
        for key in (target.ours, target.beside)
    }
    whole = {OURS.name, FASTAPI.name}
    found = {
        (name, database): [
            work for work in works if name in whole or (name, database, work.name) in asked
        ]
        for (name, database), works in everything().items()
    }
    return {server: works for server, works in found.items() if works}


def measure(plan: Plan, *, rounds: int, seconds: int) -> Figures:
    """Measure all rounds. Raises WrongAnswer, also if a server's responses differ from ours."""
    figures, cores = Figures(), Cores.parted()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with made(folder, items_needed(seconds)) as (databases, ids):
            for number in range(rounds):
                for database in DATABASES:
                    print(f"round {number + 1} of {rounds} on {database}", flush=True)
                    place = folder / f"{database}-{number}"
                    Round(plan, database, ids, seconds, figures).run(
                        cores, place, databases[database], backwards=number % 2 == 1
                    )
    return figures


@dataclass(frozen=True)
class Round:
    """One round: all works of all contestants on one kind of database."""

    plan: Plan
    database: str
    ids: Path
    seconds: int
    figures: Figures

    def run(self, cores: Cores, folder: Path, databases: Databases, *, backwards: bool) -> None:
        """Measure one round. `backwards`: with the contestants in reverse order."""
        with ExitStack() as stack:
            servers = []
            for contestant in CONTESTANTS:
                if (contestant.name, self.database) in self.plan:
                    place = folder / contestant.name
                    place.mkdir(parents=True)
                    url = stack.enter_context(databases.copy(place))
                    servers.append(stack.enter_context(served(contestant, cores, place, url)))
            self._compare_answers(servers)
            in_turn = servers[::-1] if backwards else servers
            for work in WORKS:
                for server in in_turn:
                    if work in self.plan[server.contestant.name, self.database]:
                        self._put_load(server, work)
            for server in servers:
                self.figures.add(self._key(START_UP, server), server.start_up)
                if self.plan[server.contestant.name, self.database] == self._whole(server):
                    self.figures.add(self._key(MEMORY, server), server.memory())

    def _compare_answers(self, servers: Sequence[Server]) -> None:
        ours, *others = servers
        expected = answers_of(ours.address)
        for server in others:
            if server.contestant.has_items:
                wrong = differences(answers_of(server.address), expected)
            else:
                wrong = differences(health_of(server.address), {"health": expected["health"]})
            if wrong:
                heading = f"{server.contestant.name} on {self.database} doesn't answer as ours:"
                raise WrongAnswer("\n".join([heading, *wrong]))

    def _put_load(self, server: Server, work: Work) -> None:
        seconds = max(work.seconds, self.seconds)
        token = server.token() if work.signed_in else ""
        before = server.cpu()
        full_rate = self.figures.get(self._key(RATE, server, "mix"), [0.0])[-1]
        try:
            load = put_load(
                server.address,
                work.script,
                self._items_of(server),
                changes=items_to_change(work, self.seconds),
                connections=work.connections,
                seconds=seconds,
                rate=full_rate / 2 if work.at_half_load else 0,
                token=token,
            )
        except WrongAnswer as error:
            error.add_note(f"{server.contestant.name} on {self.database}: {work.name}")
            raise
        cpu = (server.cpu() - before) / load.answered * 1e6
        found = {RATE: load.rate, CPU: cpu, P50: load.p50, P99: load.p99}
        for what, figure in found.items():
            self.figures.add(self._key(what, server, work.name), figure)
        name = server.contestant.name
        print(f"  {work.name:18}{name:48}{load.rate:9.0f}/s{cpu:9.0f} µs", flush=True)

    def _items_of(self, server: Server) -> Items:
        with self.ids.open() as file:
            unchanged = file.readline().strip()
        has_items = server.contestant.has_items
        return Items(self.ids, first_etag(server.address, unchanged) if has_items else "")

    def _whole(self, server: Server) -> Sequence[Work]:
        """Return the works after which the memory of servers can be compared."""
        return everything()[server.contestant.name, self.database]

    def _key(self, what: str, server: Server, work: str = "") -> Key:
        return Key(what, server.contestant.name, self.database, work)
