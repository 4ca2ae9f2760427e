"""flask-smorest with SQLAlchemy's ORM, for Gunicorn's threads: classes of views, ETags by its own
decorator, and Flask's pattern for a session, which ends with its request."""

import os
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from marshmallow import RAISE, Schema, ValidationError, fields, post_load
from marshmallow.validate import ContainsNoneOf, Length, OneOf, Range
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from bench.peers.models import (
    SERVER_SETTINGS,
    Item,
    by_id,
    configure_sqlite,
    cursor_behind,
    newest,
    now,
    pool_of,
)

url = os.environ["DATABASE_URL"]
if url.startswith("sqlite:"):
    engine = create_engine(url, **pool_of(url))
    configure_sqlite(engine)
else:
    options = " ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items())
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:", 1),
        connect_args={"options": options},
        **pool_of(url),
    )
session = scoped_session(sessionmaker(engine, expire_on_commit=False))

NO_NUL = ContainsNoneOf("\x00")


def unique(tags: list[str]) -> None:
    if len(set(tags)) < len(tags):
        raise ValidationError("Must not be repeated.")


class Trimmed(fields.String):
    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return super()._deserialize(*args, **kwargs).strip()


class ItemSchema(Schema):
    class Meta:
        unknown = RAISE

    id = fields.UUID(dump_only=True)
    name = Trimmed(required=True, validate=[Length(min=1, max=200), NO_NUL])
    description = fields.String(
        load_default=None, allow_none=True, validate=[Length(max=2000), NO_NUL]
    )
    status = fields.String(load_default="todo", validate=OneOf(["todo", "doing", "done"]))
    quantity = fields.Integer(load_default=1, strict=True, validate=Range(min=0, max=2_147_483_647))
    tags = fields.List(
        fields.String(validate=[Length(min=1, max=50), NO_NUL]),
        load_default=list,
        validate=[Length(max=20), unique],
    )
    created_at = fields.AwareDateTime(dump_only=True)
    updated_at = fields.AwareDateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class ItemPatchSchema(ItemSchema):
    """Only the fields to change; null resets a field to its default."""

    status = fields.String(allow_none=True, validate=OneOf(["todo", "doing", "done"]))
    quantity = fields.Integer(
        allow_none=True, strict=True, validate=Range(min=0, max=2_147_483_647)
    )
    tags = fields.List(
        fields.String(validate=[Length(min=1, max=50), NO_NUL]),
        allow_none=True,
        validate=[Length(max=20), unique],
    )

    @post_load
    def reset_nulls(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {"status": "todo", "quantity": 1, "tags": []}
        return {k: defaults.get(k) if v is None else v for k, v in data.items()}


class PageQuerySchema(Schema):
    limit = fields.Integer(load_default=50, validate=Range(min=1, max=200))
    cursor = fields.String(load_default=None)


class PageSchema(Schema):
    items = fields.List(fields.Nested(ItemSchema))
    next_cursor = fields.String()


class HealthSchema(Schema):
    status = fields.String()
    timestamp = fields.AwareDateTime()


app = Flask(__name__)
app.config |= {"API_TITLE": "Items", "API_VERSION": "v1", "OPENAPI_VERSION": "3.1.0"}
blp = Blueprint("items", __name__, url_prefix="/api")


@app.teardown_appcontext
def end_session(_: BaseException | None) -> None:
    session.remove()


@app.errorhandler(StaleDataError)
def refuse_stale_write(error: Exception) -> tuple[str, int]:
    return "", 412


def find(item_id: UUID) -> Item:
    item: Item = session.scalar(by_id(item_id)) or abort(404, message="No item has this id.")
    return item


@blp.route("/health")
class Health(MethodView):
    @blp.response(200, HealthSchema)
    def get(self) -> Mapping[str, Any]:
        return {"status": "ok", "timestamp": now()}


@blp.route("/items")
class Items(MethodView):
    @blp.arguments(PageQuerySchema, location="query")
    @blp.response(200, PageSchema)
    def get(self, query: Mapping[str, Any]) -> Mapping[str, Any]:
        found = session.scalars(newest(query["limit"], query["cursor"])).all()
        items = found[: query["limit"]]
        following = cursor_behind(items[-1]) if len(found) > len(items) else None
        return {"items": items, "next_cursor": following}

    @blp.etag
    @blp.arguments(ItemSchema)
    @blp.response(201, ItemSchema)
    def post(self, values: dict[str, Any]) -> tuple[Item, int, dict[str, str]]:
        item = Item.create(values)
        session.add(item)
        session.commit()
        blp.set_etag(item.version)
        return item, 201, {"Location": f"/api/items/{item.id}"}


@blp.route("/items/<uuid:item_id>")
@blp.etag
class ItemById(MethodView):
    @blp.response(200, ItemSchema)
    def get(self, item_id: UUID) -> Item:
        item = find(item_id)
        blp.set_etag(item.version)
        return item

    @blp.arguments(ItemPatchSchema(partial=True))
    @blp.response(200, ItemSchema)
    def patch(self, changes: Mapping[str, Any], item_id: UUID) -> Item:
        item = find(item_id)
        blp.check_etag(item.version)
        for name, value in changes.items():
            setattr(item, name, value)
        session.commit()
        blp.set_etag(item.version)
        return item

    @blp.response(204)
    def delete(self, item_id: UUID) -> None:
        item = find(item_id)
        blp.check_etag(item.version)
        session.delete(item)
        session.commit()


@app.get("/wait")
def wait() -> str:
    time.sleep(0.1)
    return "waited"


Api(app).register_blueprint(blp)
