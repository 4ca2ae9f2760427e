"""The options of the server, and Hypercorn's configuration, which is made from them."""

import logging
from dataclasses import dataclass, fields
from time import time
from typing import Self

from hypercorn.config import Config

HSTS = (b"strict-transport-security", b"max-age=31536000")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `run`, with the names that docs/settings.md explains.

    `max_connections`: by default what the limit of descriptors allows, up to 4096.
    `shutdown_grace`: the seconds from `shutdown_delay` on until remaining requests are cut off.
    """

    host: str = "127.0.0.1"
    port: int = 0
    listen_fd: int | None = None
    keep_alive_timeout: float = 5
    send_timeout: float = 30
    max_connections: int | None = None
    http2_cleartext: bool = False
    tls_certfile: str = ""
    tls_keyfile: str = ""
    shutdown_delay: float = 0
    shutdown_grace: float = 20
    notify_socket: str = ""
    watchdog_usec: int | None = None

    @classmethod
    def of(cls, settings: object) -> Self:
        """Return the options with the values that `settings` has under the same names."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


class ServerConfig(Config):
    """Hypercorn's configuration; with TLS, responses have Strict-Transport-Security.

    `http2_cleartext`: whether HTTP/2 without TLS is supported, for clients that begin with it.
    """

    http2_cleartext = False
    _made_at = 0
    _headers: list[tuple[bytes, bytes]]

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """Return the headers that every response has: the same list within a second."""
        now = int(time())
        if now != self._made_at:
            headers = super().response_headers(protocol)
            self._headers = [*headers, HSTS] if self.ssl_enabled else headers
            self._made_at = now
        return self._headers


def hypercorn_config(options: Options) -> ServerConfig:
    """Return Hypercorn's configuration, without an access log, because the application writes one.

    Raises SystemExit with one line if the certificate or its key can't be used.
    """
    config = ServerConfig()
    config.http2_cleartext = options.http2_cleartext
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.backlog = 1024  # connections wait there while a process is replaced
    config.h2_max_header_list_size = config.h11_max_incomplete_size
    if options.tls_certfile:
        config.certfile = options.tls_certfile
        config.keyfile = options.tls_keyfile or options.tls_certfile
        config.keyfile_password = ""  # otherwise OpenSSL would ask for it on the terminal
        config.ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
        config.ssl_handshake_timeout = 10
    try:
        config.create_ssl_context()
    except OSError as error:
        names = dict.fromkeys([config.certfile, config.keyfile])
        raise SystemExit(f"no TLS with {' and '.join(map(str, names))}: {error}") from None
    return config
