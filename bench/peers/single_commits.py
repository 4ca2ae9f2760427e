"""The application with one commit for each write, without group commit."""

from api.config.settings import Settings
from api.observability.metrics import Metrics
from bench.own import app, flask_app
from storage import Database
from storage.engines.sqlite import SqliteDatabase

__all__ = ["app"]

services = flask_app.services
services[Database] = SqliteDatabase(
    services[Settings].database_url,
    auto_migrate=True,
    observer=services[Metrics].observe_unit,
    batch=1,
)
