"""The document at /openapi.json and /openapi.yaml, Swagger UI at /docs."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, redirect, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from openapi.document import to_yaml

OURS = Path(__file__).parent / "static"
VENDORED = Path(str(files("flask_swagger_ui"))) / "dist"
ASSETS = {
    "initializer.js": OURS,
    "swagger-ui.css": VENDORED,
    "swagger-ui-bundle.js": VENDORED,
    "favicon-32x32.png": VENDORED,
}
# Swagger UI sets style attributes; scripts come from files alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def documentation(document: dict[str, Any]) -> Blueprint:
    """The views over `document`, which is rendered once."""
    views = Blueprint("documentation", __name__)
    as_json = orjson.dumps(document)
    as_yaml = to_yaml(document).encode()

    @views.get("/")
    async def redirect_to_docs() -> BaseResponse:
        return redirect("docs")

    @views.get("/docs")
    async def show_docs() -> Response:
        response = send_from_directory(OURS, "index.html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @views.get("/docs/<asset>")
    async def get_asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise NotFound
        return send_from_directory(ASSETS[asset], asset)

    @views.get("/openapi.json")
    async def get_document() -> Response:
        return _cached(as_json, "application/json")

    @views.get("/openapi.yaml")
    async def get_yaml_document() -> Response:
        return _cached(as_yaml, "application/yaml")

    return views


def _cached(content: bytes, mimetype: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.add_etag()
    response.make_conditional(request)
    return response
