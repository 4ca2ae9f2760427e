"""What managed services put into their URLs, as asyncpg is given it."""

from pathlib import Path

import pytest

from storage import DatabaseUnavailable, open_database
from storage.engines.postgresql_url import InvalidParameter, parse
from tests.forwarder import Forwarder, socket_of
from tests.postgresql import Server
from tests.storage.units import scalars

HOST = "postgresql://user:secret@db.example.com:5432/items"

# As their documentation gives them.
GIVEN = {
    "neon": "?sslmode=require&channel_binding=require",
    "digitalocean": "?sslmode=require&connect_timeout=10",
    "cloud": "?sslmode=verify-full&sslrootcert=system&target_session_attrs=read-write",
    "libpq": (
        "?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3"
        "&tcp_user_timeout=10000&gssencmode=disable&channel_binding=prefer&client_encoding=utf8"
        "&fallback_application_name=x&application_name=items"
    ),
}


@pytest.mark.parametrize(
    ("given", "query", "options", "timeout"),
    [
        (GIVEN["neon"], "sslmode=require", {"ssl": True}, None),
        (GIVEN["digitalocean"], "sslmode=require", {}, 10),
        (
            GIVEN["cloud"],
            "sslmode=verify-full&target_session_attrs=read-write",
            {"ssl": True},
            None,
        ),
        (GIVEN["libpq"], "application_name=items", {}, None),
        ("?connect_timeout=0", "", {}, None),
        ("?fallback_application_name=x", "application_name=x", {}, None),
        (
            "?sslmode=require&channel_binding=require&sslrootcert=/dev/null",
            "sslmode=verify-full&sslrootcert=/dev/null",
            {},
            None,
        ),
        ("?options=-c%20search_path%3Dother", "options=-c%20search_path%3Dother", {}, None),
        ("", "", {}, None),
    ],
)
def test_a_parameter_is_passed_on_translated_or_left_out(
    given: str, query: str, options: dict[str, object], timeout: int | None
) -> None:
    server = parse(f"{HOST}{given}")
    name = "" if "application_name" in query else "application_name=items-api"
    assert server.url == f"{HOST}?{name}{'&' if name and query else ''}{query}"
    assert (server.hosts, server.options, server.timeout) == (({},), options, timeout)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gssencmode=require", "gssencmode in it must be disable, prefer"),
        ("sslmode=perhaps", "sslmode in it must be disable, allow, prefer, require, verify-ca"),
        (
            "target_session_attrs=standby",
            "target_session_attrs in it must be any, primary, read-wr",
        ),
        ("keepalives=yes", "keepalives in it must be a number"),
        (
            "hostaddr=10.0.0.1",
            "hostaddr is not supported in it: leave it out, or name it as the ho",
        ),
        ("require_auth=scram-sha-256", "require_auth is not supported in it: leave it out, and u"),
        ("service=items", "service is not supported in it: leave it out, and write its values i"),
        ("dbname=other", "dbname is not supported in it: name the database in the path"),
        ("sslmode=verify-full", "sslmode in it requires sslrootcert: system, or the name of a fil"),
        ("sslrootcert=/no.pem", "sslrootcert in it can't be read: No such file or directory"),
        ("sslkey=/no.pem", "sslkey in it can't be read: No such file or directory"),
        (
            "sslrootcert=system&sslcert=/dev/null",
            "sslcert in it requires an sslrootcert that names a",
        ),
    ],
)
def test_a_parameter_that_would_not_be_obeyed_is_refused_by_name(
    given: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # in which there is no certificate
    with pytest.raises(InvalidParameter, match=told):
        parse(f"{HOST}?{given}")


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ("//u@one,two:6000/items", [("one", 5432), ("two", 6000)]),
        ("//u@[::1]:1,%2Frun%2Fpg:2/items", [("::1", 1), ("/run/pg", 2)]),
        ("//u@/items?host=one,two&port=7000", [("one", 7000), ("two", 7000)]),
        ("//u@/items?host=one,two&port=7000,7001", [("one", 7000), ("two", 7001)]),
    ],
)
def test_several_hosts_are_tried_one_by_one_for_one_that_can_be_written(
    given: str, hosts: list[tuple[str, int]]
) -> None:
    server = parse(f"postgresql:{given}")
    assert [(host["host"], host["port"]) for host in server.hosts] == hosts
    assert server.options == {"target_session_attrs": "read-write"}
    joint = "&" if "?" in given else "?"
    assert parse(f"postgresql:{given}{joint}target_session_attrs=any").options == {}


async def test_a_server_is_reached_with_all_that_is_left_out(postgresql: Server) -> None:
    given = GIVEN["libpq"].replace("?", "&") + "&connect_timeout=5&target_session_attrs=primary"
    with postgresql.database() as url:
        async with open_database(url + given, auto_migrate=False) as database:
            assert await database.read(scalars, "SHOW application_name") == ["items"]


async def test_channel_binding_is_not_left_out_in_silence(postgresql: Server) -> None:
    """This server has no TLS; the URL would be satisfied without."""
    async with Forwarder(socket_of(postgresql.url_of("postgres"))) as forwarder:
        address = f"postgresql://postgres@127.0.0.1:{forwarder.port}/postgres?sslmode=disable"
        with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
            async with open_database(f"{address}&channel_binding=require", auto_migrate=True):
                pass
