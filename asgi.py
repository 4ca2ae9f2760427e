"""The ASGI application: `hypercorn asgi:app`, or `python asgi.py`, which also starts the server."""

# ruff: noqa: E402  # what is imported is what the collector shall leave alone

import gc
import logging

# All that is made here stays. Walking through it while it grows takes a tenth of a start, and doing
# so again and again later costs lists of 50 about a sixth of their rate (docs/performance.md).
gc.disable()

from api import create_app, load_settings
from api.config.exposure import report
from serving import Bridge

settings = load_settings()
flask_app = create_app(settings)
report(settings)
app = Bridge(
    flask_app,
    lifespan=flask_app,
    body_timeout=settings.body_timeout,
    failure=flask_app.failure,
)

gc.freeze()
gc.enable()

if __name__ == "__main__":
    from serving.runner import Options, run  # which other ASGI servers don't need

    try:
        run(
            app,
            Options(
                host=settings.host,
                port=settings.port,
                listen_fd=settings.listen_fd,
                keep_alive_timeout=settings.keep_alive_timeout,
                send_timeout=settings.send_timeout,
                max_connections=settings.max_connections,
                cleartext_http2=settings.http2_cleartext,
                certfile=settings.tls_certfile,
                keyfile=settings.tls_keyfile,
                delay=settings.shutdown_delay,
                grace=settings.shutdown_grace,
                notify_socket=settings.notify_socket,
                watchdog=settings.watchdog_usec and settings.watchdog_usec / 1e6,
            ),
        )
    finally:
        logging.shutdown()  # so that a failed start's message is the last line
