"""Clients that other generators make (clients/generators), and the table of what they did."""

import json
import shutil
import tomllib

import pytest

from clients.generators import __main__ as generators
from clients.generators.steps import STEPS, outcome
from clients.generators.table import PAGE, RESULTS, with_table
from tests.clients.conftest import missing

IN_TESTS = ("hey-api", "orval-axios")
"""They need nothing but npm; the first one checks every request and response by zod's schemas."""
DESCRIBED = tomllib.loads((generators.HERE / "generators.toml").read_text())
PRINTED = [f"ok\t{step}" for step in STEPS]
LOGGED = [call for calls in STEPS.values() for call in calls]


def test_typescript_clients_do_what_they_must() -> None:
    """One after the other: their programs compile to one folder."""
    if shutil.which("npm") is None:
        missing("these tests need Node.js 20.19 or later, with npm: https://nodejs.org")
    if not (generators.BUILD / "typescript" / "node_modules").exists():
        missing("these tests need the generators: make build/generators/typescript/node_modules")
    generators.prepare()
    commands = generators.placeholders(DESCRIBED["commands"])
    chosen = [client for client in DESCRIBED["client"] if client["name"] in IN_TESTS]
    results = {client["name"]: generators.result_of(client, commands) for client in chosen}
    assert results == {name: [] for name in IN_TESTS}


def test_the_table_is_that_of_the_results() -> None:
    results = json.loads(RESULTS.read_text())
    assert list(results) == [client["name"] for client in DESCRIBED["client"]]
    assert with_table(PAGE.read_text(), results) == PAGE.read_text()


@pytest.mark.parametrize(
    ("printed", "logged", "problem"),
    [
        ([*PRINTED[:-1], "failed\trefresh\tError: 401"], LOGGED, "refresh: Error: 401"),
        (PRINTED[:-1], LOGGED, "it didn't take every step"),
        (PRINTED, LOGGED[:-1], "the server logged"),
        (PRINTED, [*LOGGED[:-1], ("get_current_user", 401)], "the server logged"),
        (["Segmentation fault"], LOGGED, "Segmentation fault"),
    ],
)
def test_a_program_that_printed_or_requested_too_little_fails(
    printed: list[str], logged: list[tuple[str, int]], problem: str
) -> None:
    assert outcome(PRINTED, LOGGED) == []
    assert outcome(printed, logged)[0].startswith(problem)
