"""The application with one commit for each write, without group commit."""

from api.observability.metrics import Metrics
from asgi import app, flask_app, settings
from storage import Database
from storage.engines.sqlite import SqliteDatabase

__all__ = ["app"]

flask_app.services[Database] = SqliteDatabase(
    settings.database_url, auto_migrate=True, observer=flask_app.services[Metrics], batch=1
)
