"""The ASGI application: `hypercorn asgi:app`, or `python -m serving`."""

import gc

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
# What is there by now stays, and need not be looked at whenever the collector runs: lists of 50 get
# a fifth faster, and the slowest of a hundred takes half as long.
gc.freeze()
