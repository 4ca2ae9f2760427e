"""Fixtures: the application as the tests reach it."""

import os
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from api import application, create_app
from api.config.settings import Settings
from api.observability.log_output import OUTPUT
from api.runtime.async_flask import AsyncFlask
from serving import Bridge
from tests import gizmos, log_lines
from tests.factory import settings_for
from tests.live import on_our_server, serving
from tests.postgresql import Server
from tests.redis import Server as RedisServer
from tests.sqlite import migrated_database

application.RESOURCES += (gizmos.OPERATIONS,)

FIRST = (
    "browser",
    "test_adding_a_resource.py",
    "openapi/test_schemathesis.py",
    "clients",
    "serving",
    "openapi/test_fuzz.py",
    "faults",
)
"""What takes longest: begun last, it would keep one core busy and leave the others idle."""

LONG = (
    "bench/test_attacks.py",
    "bench/test_peers.py",
    "browser/spa/test_accounts.py",
    "browser/spa/test_deletions.py",
    "serving/test_other_servers.py",
    "test_making_it_yours.py",
)
"""Tests that run in the long form only, for their time."""
ON_BOTH = (
    "storage",
    "faults",
    "api/test_health.py",
    "api/test_idempotency.py",
    "api/test_items.py",
    "api/test_listing.py",
    "api/test_owners.py",
    "test_work.py",
)
"""Tests of what depends on the database. All others run on PostgreSQL in the long form only, unless
they name the kinds themselves."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the tests that have a long form, in it"
    )
    parser.addoption(
        "--write-docs",
        action="store_true",
        help="write the tables of docs/ that tests compare with what they see",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError: each of several workers would write the rows of its own tests alone."""
    if config.getoption("--write-docs") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--write-docs needs one process: add -n0")


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: the tests wait for processes nearly half of their time."""
    return 3 * (os.cpu_count() or 1) // 2 or 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    long = config.getoption("--long")
    chosen = [item for item in items if (has_long_form(item) if long else not is_long(item))]
    items[:] = shared_out(chosen, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def shared_out(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Order `items` so that each worker begins with others of what takes longest: pytest-xdist
    gives each of them the next part of the list, all of the same length."""
    groups: list[list[pytest.Item]] = [[] for _ in (*FIRST, "all others")]
    for item in items:
        within = (i for i, name in enumerate(FIRST) if is_below(item.path, [name]))
        groups[next(within, len(FIRST))].append(item)
    others = groups.pop()
    order: list[pytest.Item] = []
    for worker in range(workers):
        first = [item for group in groups[worker::workers] for item in group]
        room = len(items) * (worker + 1) // workers - len(order) - len(first)
        order += first + others[: max(room, 0)]
        del others[: max(room, 0)]
    return order + others


def is_below(path: Path, names: Iterable[str]) -> bool:
    return any(path.is_relative_to(Path(__file__).parent / name) for name in names)


def is_long(item: pytest.Item) -> bool:
    """Whether the test has no short form."""
    return item.get_closest_marker("long") is not None or is_below(item.path, LONG)


def has_long_form(item: pytest.Item) -> bool:
    return is_long(item) or "long_form" in getattr(item, "fixturenames", [])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once on each kind of database, or once without one if it needs none. A test may
    name the kinds itself."""
    named = metafunc.definition.iter_markers("parametrize")
    if "database_url" in metafunc.fixturenames and "database_url" not in [m.args[0] for m in named]:
        unused = metafunc.definition.get_closest_marker("no_database")
        marks = () if is_below(metafunc.definition.path, ON_BOTH) else pytest.mark.long
        both = ["sqlite", pytest.param("postgresql", marks=marks)]
        metafunc.parametrize("database_url", ["none"] if unused else both, indirect=True)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Wait for the lines of a test while pytest still captures them."""
    try:
        return (yield)
    finally:
        OUTPUT.flush()


pytest_runtest_setup = pytest_runtest_teardown = pytest_runtest_call


@pytest.fixture(scope="session")
def long_form(pytestconfig: pytest.Config) -> bool:
    """Whether this is `make test-long`: a test then takes as many examples, kills or restarts as
    find what is rare. Otherwise it takes one of each kind."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(autouse=True)
def log_faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The lines that are logged with a secret in them, or that no machine can read: a test fails
    that leaves one."""
    found = log_lines.watch(monkeypatch)
    OUTPUT.pause = 0
    yield found
    assert found == []


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What has been written to standard error since the last call."""

    def read() -> str:
        OUTPUT.flush()
        return capfd.readouterr().err

    return read


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """For a look into the server, which is empty."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new, migrated database."""
    match request.param:
        case "sqlite":
            yield migrated_database(tmp_path)
        case "postgresql":
            server: Server = request.getfixturevalue("postgresql")
            with server.database() as url:
                yield f"{url}&connect_timeout=60"
        case "none":
            yield f"sqlite:///{tmp_path}"  # a folder, which SQLite can't open


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=database_url)


@pytest.fixture
def without_gizmos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Applications that the test makes have the resources of api/application.py alone."""
    resources = [one for one in application.RESOURCES if one is not gizmos.OPERATIONS]
    monkeypatch.setattr(application, "RESOURCES", tuple(resources))


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[AsyncFlask]:
    app = create_app(settings)
    yield app
    await app.close()


def bridged(app: AsyncFlask, **options: Any) -> Bridge:
    """`app` as asgi.py bridges it."""
    return Bridge(app, lifespan=app, failure=app.failure, **options)


@pytest.fixture
async def client(app: AsyncFlask) -> AsyncIterator[httpx.AsyncClient]:
    """Requests through ASGI and the bridge, without a socket."""
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture
def live(app: AsyncFlask) -> Iterator[str]:
    """The address of the application on the server that `make serve` starts."""
    with serving(bridged(app), on_our_server) as address:
        yield address
