"""A caller whose account is deleted while its request is running. On SQLite a write that has begun
keeps deletions out, so this concerns PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from api.http.caller import Caller
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from storage import Database
from storage.accounts import deletion
from storage.accounts.tables import ADMIN
from storage.collections.viewers import Viewer
from storage.errors import SignedOut
from tests.accounts import account
from tests.gizmos import GIZMOS, gizmo_input
from tests.storage.units import Gate, execute

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def test_a_write_that_loses_its_owner_is_signed_out(app: AsyncFlask) -> None:
    database = app.services[Database]
    user, session, _ = await account(app)
    boss, *_ = await account(app, ADMIN)
    gate = Gate()

    def create(connection: Any, viewer: Viewer) -> None:
        gate.wait(connection)
        GIZMOS.create(connection, viewer, gizmo_input())

    with app.app_context():
        creating = asyncio.ensure_future(Caller(session, Access.OWNERS).write(create))
        await gate.reached.wait()
    assert await database.write(
        deletion.delete_user, Viewer(boss.id, is_admin=True, sees_all=True), user.id
    )
    gate.opened.set()
    with pytest.raises(SignedOut):
        await creating


async def test_a_violated_foreign_key_to_another_table_is_no_signed_out_error(
    app: AsyncFlask,
) -> None:
    _, session, _ = await account(app)
    create_table = "CREATE TABLE parts (gizmo_id uuid REFERENCES gizmos (id))"
    await app.services[Database].write(execute, create_table)

    def create(connection: Connection, _viewer: Viewer) -> None:
        execute(connection, f"INSERT INTO parts VALUES ('{uuid4()}')")

    with app.app_context(), pytest.raises(IntegrityError):
        await Caller(session, Access.OWNERS).write(create)
