"""Quart with Quart-Schema, which its tutorial uses for APIs, and SQLAlchemy's async ORM."""

import asyncio
import os
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from quart import Quart, Response, abort, request
from quart_schema import QuartSchema, validate_querystring, validate_request, validate_response
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from bench.peers.async_database import open_sessions
from bench.peers.models import Item, by_id, cursor_behind, newest, now
from bench.peers.pydantic_models import Health, ItemInput, ItemPage, ItemPatch
from bench.peers.pydantic_models import Item as ItemOut

engine, sessions = open_sessions(os.environ["DATABASE_URL"])
app = Quart(__name__)
# Otherwise dates would have HTTP's format.
QuartSchema(app, pydantic_dump_options={"mode": "json"})


class PageQuery(BaseModel):
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = None


@app.after_serving
async def close() -> None:
    await engine.dispose()


@app.errorhandler(StaleDataError)
async def refuse_stale_write(error: Exception) -> tuple[str, int]:
    return "", 412


def etag_of(item: Item) -> str:
    return f'"{item.version}"'


async def find(session: AsyncSession, item_id: UUID) -> Item:
    item: Item = await session.scalar(by_id(item_id)) or abort(404)
    if request.if_match and not request.if_match.contains(str(item.version)):
        abort(412)
    return item


@app.get("/api/health")
@validate_response(Health)
async def get_health() -> Health:
    return Health(status="ok", timestamp=now())


@app.get("/api/items")
@validate_querystring(PageQuery)
@validate_response(ItemPage)
async def list_items(query_args: PageQuery) -> ItemPage:
    async with sessions() as session:
        found = (await session.scalars(newest(query_args.limit, query_args.cursor))).all()
    items = found[: query_args.limit]
    following = cursor_behind(items[-1]) if len(found) > len(items) else None
    return ItemPage(items=[ItemOut.model_validate(item) for item in items], next_cursor=following)


@app.post("/api/items")
@validate_request(ItemInput)
@validate_response(ItemOut, 201)
async def create_item(data: ItemInput) -> tuple[ItemOut, int, dict[str, str]]:
    item = Item.create(data.model_dump())
    async with sessions.begin() as session:
        session.add(item)
    headers = {"Location": f"/api/items/{item.id}", "ETag": etag_of(item)}
    return ItemOut.model_validate(item), 201, headers


@app.get("/api/items/<uuid:item_id>")
@validate_response(ItemOut)
async def get_item(item_id: UUID) -> Any:
    async with sessions() as session:
        item = await find(session, item_id)
    headers = {"ETag": etag_of(item)}
    if request.if_none_match.contains(str(item.version)):
        return Response(status=304, headers=headers)
    return ItemOut.model_validate(item), 200, headers


@app.patch("/api/items/<uuid:item_id>")
@validate_request(ItemPatch)
@validate_response(ItemOut)
async def update_item(item_id: UUID, data: ItemPatch) -> tuple[ItemOut, int, dict[str, str]]:
    async with sessions.begin() as session:
        item = await find(session, item_id)
        for name, value in data.changes().items():
            setattr(item, name, value)
    return ItemOut.model_validate(item), 200, {"ETag": etag_of(item)}


@app.delete("/api/items/<uuid:item_id>")
async def delete_item(item_id: UUID) -> tuple[str, int]:
    async with sessions.begin() as session:
        await session.delete(await find(session, item_id))
    return "", 204


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"
