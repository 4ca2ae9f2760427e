"""The contestants: each is an application and the server that runs it, on one core."""

from typing import NamedTuple

HYPERCORN = ("hypercorn", "--workers", "0", "--backlog", "2048", "--bind", "127.0.0.1:{port}")
OURS_ALONE = ("bench.runner", "bench.own", "{port}")
"""As `python asgi.py`, which is what people run."""
UVICORN = ("uvicorn", "--host", "127.0.0.1", "--port", "{port}")
GRANIAN = ("granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}")
# Its control socket would be in the home directory, the same one for all servers.
GUNICORN = (
    "gunicorn", "--threads", "10", "--no-control-socket", "--bind", "127.0.0.1:{port}",
)  # fmt: skip

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
DATABASES = (SQLITE, POSTGRESQL)


class Contestant(NamedTuple):
    """An application on a server.

    `command`: the module that Python runs, with its arguments. `only`: the works that it supports,
    if not all. `has_items`: whether it has more operations than health and wait. `slow_sync`:
    whether each sync of a file takes 2 ms more (bench/slow_sync.c).
    """

    name: str
    command: tuple[str, ...]
    databases: tuple[str, ...] = DATABASES
    only: frozenset[str] | None = None
    has_items: bool = True
    slow_sync: bool = False


OURS = Contestant("this API", OURS_ALONE)
OURS_ON_HYPERCORN = Contestant("this API on plain Hypercorn", (*HYPERCORN, "bench.own:app"))
# The application logs each request itself, so Uvicorn's own line would be the second.
OURS_ON_UVICORN = Contestant("this API on Uvicorn", (*UVICORN, "--no-access-log", "bench.own:app"))
OURS_ON_GRANIAN = Contestant("this API on Granian", (*GRANIAN, "bench.own:app"))
FASTAPI = Contestant("FastAPI on Hypercorn", (*HYPERCORN, "bench.peers.fastapi_app:app"))
FASTAPI_ON_UVICORN = Contestant("FastAPI on Uvicorn", (*UVICORN, "bench.peers.fastapi_app:app"))
QUART = Contestant("Quart on Hypercorn", (*HYPERCORN, "bench.peers.quart_app:app"))
SMOREST = Contestant("flask-smorest on Gunicorn", (*GUNICORN, "bench.peers.smorest_app:app"))
STOCK = Contestant(
    "this API in the stock WsgiToAsgi", (*HYPERCORN, "bench.peers.stock_wrapper:app")
)
BARE = Contestant(
    "bare ASGI on Hypercorn",
    (*HYPERCORN, "bench.peers.bare:app"),
    databases=(SQLITE,),
    only=frozenset({"health", "wait"}),
    has_items=False,
)
SINGLE_COMMITS = Contestant(
    "this API, a commit for each write",
    ("bench.runner", "bench.peers.single_commits", "{port}"),
    databases=(SQLITE,),
    only=frozenset({"create by 64"}),
)
SLOW_SYNC, SLOW_SINGLE_COMMITS = (
    one._replace(
        name=f"{one.name}, syncs of 2 ms",
        databases=(SQLITE,),
        only=frozenset({"create by 64"}),
        slow_sync=True,
    )
    for one in (OURS, SINGLE_COMMITS)
)

CONTESTANTS = (
    OURS,
    FASTAPI,
    OURS_ON_HYPERCORN,
    OURS_ON_UVICORN,
    FASTAPI_ON_UVICORN,
    OURS_ON_GRANIAN,
    QUART,
    SMOREST,
    STOCK,
    BARE,
    SINGLE_COMMITS,
    SLOW_SYNC,
    SLOW_SINGLE_COMMITS,
)
