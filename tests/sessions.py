"""Sessions that are older than the test: nothing has to be waited for."""

from datetime import timedelta

from sqlalchemy import Connection, select, update

from storage.accounts.tables import sessions


def shift(connection: Connection, by: timedelta) -> None:
    """As if all that is stored about sessions had happened so much earlier: for Database.write."""
    moments = [column for column in sessions.c if column.name.endswith("_at")]
    for id_, *values in connection.execute(select(sessions.c.id, *moments)).all():
        earlier = {
            column.name: value and value - by for column, value in zip(moments, values, strict=True)
        }
        connection.execute(update(sessions).where(sessions.c.id == id_).values(**earlier))
