"""Attributes of libraries that serving/ uses though their documentation doesn't name them."""

import asyncio
import socket
from pathlib import Path
from typing import Any, NamedTuple

import h2.connection
import h11
import pytest
from h2.connection import H2Connection

HTTP2 = H2Connection()


class Internal(NamedTuple):
    owner: Any
    names: str
    library: str
    user: str
    """The module that uses it; docs/dependencies.md says what for."""


# An owner is an object if its class alone doesn't have the names.
INTERNALS = [
    Internal(
        h11.Connection(h11.SERVER)._receive_buffer,
        "maybe_extract_lines maybe_extract_next_line maybe_extract_at_most "
        "_extract _data _multiple_lines_search",
        "h11",
        "serving/http1_parser.py",
    ),
    Internal(h11.Connection(h11.SERVER), "_receive_buffer", "h11", "serving/http1_parser.py"),
    Internal(
        HTTP2,
        "MAX_CLOSED_STREAMS _receive_frame _closed_streams _prepare_for_sending",
        "h2",
        "serving/frames.py",
    ),
    Internal(h2.connection, "_decode_headers", "h2", "serving/frames.py"),
    Internal(HTTP2.incoming_buffer, "_headers_buffer _data", "h2", "serving/frames.py"),
    Internal(HTTP2, "incoming_buffer", "h2", "serving/frames.py"),
]
CASES = [(internal, name) for internal in INTERNALS for name in internal.names.split()]
DOCS = (Path(__file__).parents[2] / "docs" / "dependencies.md").read_text()


def check(internal: Internal, name: str) -> None:
    owner, _, library, user = internal
    kind = owner if isinstance(owner, type) else type(owner)
    assert hasattr(owner, name), (
        f"{kind.__name__} of this version of {library} has no {name}, which {user} needs: "
        "change the module, or stay with the earlier version"
    )
    rows = [line for line in DOCS.splitlines() if f"`{name}`" in line and f"| {library} |" in line]
    assert rows, f"docs/dependencies.md doesn't name {name}"
    assert all(f"`{user}`" in row for row in rows)


@pytest.mark.parametrize(("internal", "name"), CASES, ids=[name for _, name in CASES])
def test_the_installed_version_has_what_is_used(internal: Internal, name: str) -> None:
    check(internal, name)


async def test_asyncio_has_what_is_used() -> None:
    one, other = socket.socketpair()
    with one, other:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, one)
        check(Internal(transport, "", "asyncio", "serving/connection.py"), "max_size")
        transport.abort()
