"""FastAPI with SQLAlchemy's async ORM: a session for each request, and response models, which
pydantic writes as JSON itself."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from bench.peers.async_database import open_sessions
from bench.peers.models import Item, by_id, cursor_behind, newest, now
from bench.peers.pydantic_models import Health, ItemInput, ItemPage, ItemPatch
from bench.peers.pydantic_models import Item as ItemOut

engine, sessions = open_sessions(os.environ["DATABASE_URL"])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]
Tag = Annotated[str | None, Header()]

app = FastAPI(title="Items", lifespan=lifespan)


@app.exception_handler(StaleDataError)
async def refuse_stale_write(request: Request, error: Exception) -> Response:
    return Response(status_code=412)


def etag_of(item: Item) -> str:
    return f'"{item.version}"'


async def find(session: AsyncSession, item_id: UUID, if_match: str | None = None) -> Item:
    item = await session.scalar(by_id(item_id))
    if item is None:
        raise HTTPException(404, "No item has this id.")
    if if_match not in {None, "*", etag_of(item)}:
        raise HTTPException(412, "The item has another version.")
    return item


@app.get("/api/health", response_model=Health)
async def get_health() -> Any:
    return Health(status="ok", timestamp=now())


@app.get("/api/items", response_model=ItemPage)
async def list_items(
    session: Session,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Any:
    found = (await session.scalars(newest(limit, cursor))).all()
    items = found[:limit]
    following = cursor_behind(items[-1]) if len(found) > limit else None
    return {"items": items, "next_cursor": following}


@app.post("/api/items", response_model=ItemOut, status_code=201)
async def create_item(body: ItemInput, session: Session, response: Response) -> Any:
    item = Item.create(body.model_dump())
    session.add(item)
    await session.commit()
    response.headers["Location"] = f"/api/items/{item.id}"
    response.headers["ETag"] = etag_of(item)
    return item


@app.get("/api/items/{item_id}", response_model=ItemOut)
async def get_item(
    item_id: UUID, session: Session, response: Response, if_none_match: Tag = None
) -> Any:
    item = await find(session, item_id)
    response.headers["ETag"] = etag_of(item)
    if if_none_match == etag_of(item):
        return Response(status_code=304, headers=response.headers)
    return item


@app.patch("/api/items/{item_id}", response_model=ItemOut)
async def update_item(
    item_id: UUID, body: ItemPatch, session: Session, response: Response, if_match: Tag = None
) -> Any:
    item = await find(session, item_id, if_match)
    for name, value in body.changes().items():
        setattr(item, name, value)
    await session.commit()
    response.headers["ETag"] = etag_of(item)
    return item


@app.delete("/api/items/{item_id}", status_code=204)
async def delete_item(item_id: UUID, session: Session, if_match: Tag = None) -> None:
    await session.delete(await find(session, item_id, if_match))
    await session.commit()


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"
