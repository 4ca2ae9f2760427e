"""PostgreSQL goes and comes back; connections end under our hands."""

import httpx
import pytest
from sqlalchemy import Connection, text

from api.runtime.async_flask import AsyncFlask
from storage import Database, DatabaseUnavailable
from storage.collections.viewers import ANONYMOUS
from tests.faults.conftest import assert_all_connections_are_back, assert_unavailable
from tests.gizmos import GIZMOS, gizmo_input
from tests.postgresql import Server
from tests.storage.units import execute, scalars

OWN_PID = "SELECT pg_backend_pid()"
END_OWN_CONNECTION = """
    CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
"""


async def test_answers_503_while_the_server_is_away_and_recovers_with_the_next_request(
    server: Server, app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/api/gizmos", json={"name": "Before"})).status_code == 201
    with server.away():
        await assert_unavailable(await client.get("/api/gizmos"))
        await assert_unavailable(await client.post("/api/gizmos", json={"name": "Meanwhile"}))
        assert (await client.get("/api/health")).status_code == 200
        ready = await client.get("/api/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "unavailable", "migrations": "unavailable"}
    created = await client.post("/api/gizmos", json={"name": "After"})
    assert created.status_code == 201
    listed = (await client.get("/api/gizmos")).json()["gizmos"]
    assert [gizmo["name"] for gizmo in listed] == ["After", "Before"]
    assert (await client.get("/api/ready")).status_code == 200
    await assert_all_connections_are_back(app.services[Database])


async def test_a_restart_between_two_requests_causes_no_error(
    server: Server, app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    await assert_all_connections_are_back(app.services[Database])
    with server.away():
        pass
    assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    assert len((await client.get("/api/gizmos")).json()["gizmos"]) == 1


async def test_a_start_without_the_server_says_so_in_one_line(
    server: Server, app: AsyncFlask
) -> None:
    await app.close()
    with (
        server.away(),
        pytest.raises(DatabaseUnavailable, match=r"^can't connect to PostgreSQL: .*$"),
    ):
        await app.services[Database].__aenter__()


async def terminate(app: AsyncFlask, pid: object) -> None:
    assert await app.services[Database].administer(
        scalars, f"SELECT pg_terminate_backend({pid}, 10000)"
    ) == [True]


async def test_units_of_work_go_on_when_their_connections_ended_between_them(
    app: AsyncFlask,
) -> None:
    database = app.services[Database]
    for unit in (database.read, database.write, database.write_statement):
        [pid] = await unit(scalars, OWN_PID)
        await terminate(app, pid)
        [other] = await unit(scalars, OWN_PID)
        assert other != pid


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_unit_of_work_runs_again_when_its_connection_ends_in_the_middle(
    app: AsyncFlask, kind: str
) -> None:
    calls = []

    def end_own_connection_once(connection: Connection) -> str:
        calls.append(scalars(connection, OWN_PID))
        if kind == "write":
            execute(connection, "INSERT INTO notes VALUES ('a')")
        if len(calls) == 1:
            execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        return "done"

    await app.services[Database].administer(execute, "CREATE TABLE notes (body TEXT)")
    unit = app.services[Database].read if kind == "read" else app.services[Database].write
    assert await unit(end_own_connection_once) == "done"
    assert len(calls) == 2
    assert calls[0] != calls[1]
    assert await app.services[Database].read(scalars, "SELECT count(*) FROM notes") == [
        kind == "write"
    ]
    await assert_all_connections_are_back(app.services[Database])


async def test_a_unit_of_work_runs_a_second_time_but_not_a_third(app: AsyncFlask) -> None:
    calls = []

    def end_own_connection(connection: Connection) -> None:
        calls.append(1)
        execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await app.services[Database].write(end_own_connection)
    assert len(calls) == 2
    await assert_all_connections_are_back(app.services[Database])


async def test_a_write_does_not_run_again_once_its_commit_was_sent(app: AsyncFlask) -> None:
    """A deferred trigger ends the connection while the server commits."""

    def prepare(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE notes (body TEXT)"))
        execute(connection, END_OWN_CONNECTION)
        connection.execute(
            text("""
                CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON notes
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION leave()
            """)
        )

    calls = []

    def insert(connection: Connection) -> None:
        calls.append(1)
        execute(connection, "INSERT INTO notes VALUES ('a')")

    await app.services[Database].administer(prepare)
    with pytest.raises(DatabaseUnavailable, match="during a commit"):
        await app.services[Database].write(insert)
    assert len(calls) == 1
    await assert_all_connections_are_back(app.services[Database])


async def test_a_write_of_one_statement_does_not_run_again_once_that_was_sent(
    app: AsyncFlask,
) -> None:
    def prepare(connection: Connection) -> None:
        execute(connection, END_OWN_CONNECTION)
        connection.execute(
            text("""
                CREATE TRIGGER leave AFTER INSERT ON gizmos
                FOR EACH ROW EXECUTE FUNCTION leave()
            """)
        )

    calls = []

    def create(connection: Connection) -> None:
        calls.append(1)
        GIZMOS.create(connection, ANONYMOUS, gizmo_input())

    await app.services[Database].administer(prepare)
    with pytest.raises(DatabaseUnavailable, match="during a write"):
        await app.services[Database].write_statement(create)
    assert len(calls) == 1
    await assert_all_connections_are_back(app.services[Database])


async def test_a_table_changed_by_another_process_causes_no_error(app: AsyncFlask) -> None:
    await app.services[Database].administer(execute, "CREATE TABLE notes (body VARCHAR(10))")
    for unit, length in (
        (app.services[Database].read, 20),
        (app.services[Database].write, 30),
    ):
        assert await unit(scalars, "SELECT * FROM notes") == []
        await app.services[Database].administer(
            execute, f"ALTER TABLE notes ALTER COLUMN body TYPE VARCHAR({length})"
        )
        assert await unit(scalars, "SELECT * FROM notes") == []
