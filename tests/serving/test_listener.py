"""The end of a listening socket."""

import errno
import socket

import pytest

from serving.listener import listen, reject_new_handshakes


async def test_accepts_established_connections_and_rejects_new_handshakes() -> None:
    with listen("127.0.0.1", 0) as listener, socket.socket() as before, socket.socket() as after:
        listener.setblocking(False)
        before.connect(listener.getsockname())
        await reject_new_handshakes(listener)
        after.setblocking(False)
        assert after.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        accepted, address = listener.accept()
        accepted.close()
        assert address == before.getsockname()
        with pytest.raises(BlockingIOError):
            listener.accept()
