"""The settings of the server and of the database."""

from dataclasses import dataclass

from api.config.declaration import DEVELOPMENT, PRODUCTION, setting
from api.config.parsers import boolean, file, host, hosts, integer, one_of, optional, socket_address
from api.config.url_parsers import database_url


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where the server listens, how it treats its connections, how it stops, and its database."""

    environment: str = setting(
        DEVELOPMENT,
        one_of(DEVELOPMENT, PRODUCTION),
        "Decides the defaults of the other settings. `production` requires a `SECRET_KEY`.",
    )
    host: str = setting("127.0.0.1", host, "The address that `make serve` listens on.")
    port: int = setting(
        "8000", integer(0, 65535), "The port that it listens on; 0 takes any free port."
    )
    allowed_hosts: tuple[str, ...] = setting(
        "",
        hosts,
        "The host names that a request may be for (`Host`, `:authority`). `*.` stands for exactly "
        "one label, `*` for any name. `localhost` and IP addresses are always allowed. By default "
        "no other name is allowed, but with `AUTH_REQUIRED` every name is.",
    )
    listen_fd: int | None = setting(
        "",
        optional(integer(0, 1023)),
        "The descriptor of a listening socket from a supervisor. It replaces `HOST` and `PORT`. "
        "The first descriptor from systemd is 3.",
    )
    keep_alive_timeout: int = setting(
        "5",
        integer(1, 3600),
        "How many seconds a connection may be idle between two requests. Set it above the time for "
        "which a proxy in front keeps idle connections.",
    )
    send_timeout: int = setting(
        "30",
        integer(1, 3600),
        "The server closes a connection if the client reads nothing of a response for this many "
        "seconds.",
    )
    max_connections: int | None = setting(
        "",
        optional(integer(1, 1_000_000)),
        "How many connections a process keeps open. Above that, it closes those that wait for "
        "their clients. The default is the limit of open files minus 256, at most 4096.",
    )
    http2_cleartext: bool = setting(
        "false",
        boolean,
        "Whether clients may use HTTP/2 without TLS, with prior knowledge. `Upgrade: h2c` is "
        "always ignored.",
    )
    tls_certfile: str = setting(
        "", file, "The certificate and its chain, in PEM. It turns TLS on, for HTTP/1.1 and HTTP/2."
    )
    tls_keyfile: str = setting(
        "", file, "The key of the certificate, if it is not in the same file."
    )
    shutdown_delay: int = setting(
        "0",
        integer(0, 300),
        "For how many seconds after SIGTERM the service continues to serve, while `/api/ready` "
        "answers 503, so that load balancers stop sending requests.",
        production="5",
    )
    shutdown_grace: int = setting(
        "2",
        integer(0, 3600),
        "How many seconds after that requests have to complete before they are cut off.",
        production="20",
    )
    notify_socket: str = setting(
        "",
        socket_address,
        "The socket on which systemd is notified when the service is ready. systemd sets it.",
    )
    watchdog_usec: int | None = setting(
        "",
        optional(integer(1, 2**63)),
        "For how many microseconds the event loop may be stuck before the process logs where, and "
        "ends. systemd sets it, and is notified while the loop runs.",
    )
    database_url: str = setting(
        "sqlite:///data/api.db",
        database_url,
        "Where the data is stored. A relative path starts at the working directory; missing "
        "folders are created. PostgreSQL on a Unix socket: "
        "`postgresql://user@/name?host=/run/postgresql`.",
        secret=True,
    )
    database_pool_size: int = setting(
        "10", integer(1, 1000), "How many connections to PostgreSQL a process opens at most."
    )
    database_pool_timeout: int = setting(
        "1",
        integer(1, 60),
        "How many seconds a request waits for one of them before it fails with 503.",
    )
    database_statement_timeout: int = setting(
        "1",
        integer(1, 3600),
        "How many seconds a statement may take on PostgreSQL before its request fails with 503.",
    )
    database_pgbouncer: bool = setting(
        "false", boolean, "Whether the connections go through PgBouncer with pooled transactions."
    )
    auto_migrate: bool = setting(
        "true",
        boolean,
        "Whether the service migrates the database when it starts.",
        production="false",
    )
