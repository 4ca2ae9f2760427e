"""The ASGI application: `hypercorn asgi:app`, or `python -m serving`."""

import structlog

from api import create_app, load_settings
from api.request_log import RequestLog
from serving import Bridge

settings = load_settings()
flask_app = create_app(settings)
structlog.get_logger("api").warning(
    "no_authentication", meaning="whoever reaches this API can read and change every item"
)
app = Bridge(
    flask_app,
    lifespan=flask_app.database,
    body_timeout=settings.body_timeout,
    failure=RequestLog(flask_app.answer_failure),
)
