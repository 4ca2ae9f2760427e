"""A connection to SQLite whose statements the standard library's driver executes."""

import sqlite3
from typing import Any, cast

from sqlalchemy import Connection

from storage.engines.statements import DirectConnection, DirectStatement, Returned, error_of


class SqliteConnection(DirectConnection):
    def send(self, direct: DirectStatement, arguments: list[Any]) -> Returned:
        try:
            cursor = driver_of(self).execute(direct.sql, arguments)
            records = cursor.fetchall()
        except sqlite3.Error as error:
            raise error_of(error, sqlite3.IntegrityError) from error
        return direct.returned(records, None if direct.returns_rows else cursor.rowcount)


def driver_of(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.driver_connection)
