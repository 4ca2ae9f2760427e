"""The application with gizmos, whose tables are in its database: for tests that start a server.

python -m tests.asgi                  as python asgi.py
gunicorn 'tests.served:create_app()'  as gunicorn 'api:create_app()'
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from api import application, create_app, load_settings
from tests import gizmos
from tests.migrated import migrate

__all__ = ["create_app"]

application.RESOURCES += (gizmos.OPERATIONS,)

with ThreadPoolExecutor(1) as thread:  # the server's event loop may run in this one
    thread.submit(asyncio.run, migrate(load_settings().database_url)).result()
