"""The application with one commit for each write, whatever else is waiting to be written."""

from asgi import app, flask_app, settings
from storage.sqlite import SqliteDatabase

__all__ = ["app"]

flask_app.database = SqliteDatabase(
    settings.database_url, auto_migrate=True, observer=flask_app.instruments, batch=1
)
