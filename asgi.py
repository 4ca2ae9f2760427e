"""The ASGI application: `hypercorn asgi:app`, or `python asgi.py`, which also starts the server."""

# ruff: noqa: E402  # what is imported is what the collector shall leave alone

import gc
import logging
import signal
import sys

if __name__ == "__main__":
    # Until serving/runner.py handles the signals: Ctrl-C ends a start without a traceback, and the
    # signals of supervisors and log rotation don't end it.
    sys.excepthook = lambda kind, *error: (
        None if kind is KeyboardInterrupt else sys.__excepthook__(kind, *error)
    )
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)

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
# A collection of the oldest generation walks through every open connection and delays all of them,
# but finds next to nothing, so it is ten times as rare as by default.
gc.set_threshold(700, 10, 100)
gc.enable()

if __name__ == "__main__":
    # Other ASGI servers don't need these.
    from serving.config import Options
    from serving.runner import run

    try:
        run(app, Options.of(settings))
    finally:
        logging.shutdown()  # so that a failed start's message is the last line
