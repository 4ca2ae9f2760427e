"""Serves an ASGI application with Hypercorn until SIGTERM or SIGINT."""

import asyncio
import logging

from hypercorn.asyncio import serve
from hypercorn.config import Config

from serving.asgi import Application


def run(application: Application, *, host: str, port: int) -> None:
    """Serve on `host` and `port` (0: any free one) and return after a graceful end.

    Raises SystemExit with one line for the operator when it can't listen there; so does a
    lifespan that fails.
    """
    try:
        asyncio.run(serve(application, hypercorn_config(host, port)))  # type: ignore[arg-type]  # its own, narrower types of ASGI
    except OSError as error:
        raise SystemExit(f"cannot listen on {host} port {port}: {error.strerror}") from None


def hypercorn_config(host: str, port: int) -> Config:
    """Hypercorn's configuration: no access log, since the application writes a better one."""
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = 30
    return config
