"""`python -m serving`, which `make serve` and the service units start."""

from asgi import app, settings
from serving.runner import Options, run

if __name__ == "__main__":
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
