"""The ASGI application: `hypercorn asgi:app`, or `python -m serving`."""

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
