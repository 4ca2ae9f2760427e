"""The ASGI application: `hypercorn asgi:app`, or `python -m serving`."""

# ruff: noqa: E402  # what is imported is what the collector shall leave alone

import gc

# All that is made here stays. To walk through it while it grows takes a tenth of a start; to do so
# again whenever the collector runs later takes a list of 50 a fifth of its rate.
gc.disable()

import structlog

from api import create_app, load_settings
from serving import Bridge

settings = load_settings()
flask_app = create_app(settings)
if not settings.auth_required:
    structlog.get_logger("api").warning(
        "open_to_everybody", meaning="whoever reaches this API can read and change every item"
    )
app = Bridge(
    flask_app,
    lifespan=flask_app,
    body_timeout=settings.body_timeout,
    failure=flask_app.failure,
)

gc.freeze()
gc.enable()
