"""The document at /openapi.json and /openapi.yaml, Swagger UI at /docs."""

from functools import lru_cache
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
    "page.css": OURS,
    "initializer.js": OURS,
    "swagger-ui.css": VENDORED,
    "swagger-ui-bundle.js": VENDORED,
    "favicon-32x32.png": VENDORED,
}
# Not as each machine's own table has them: a browser refuses a script of another type (nosniff).
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
# Swagger UI needs no inline style, and its icons are data: addresses in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def documentation(document: dict[str, Any]) -> Blueprint:
    """The views over `document`, which is rendered once, or once for each path prefix."""
    views = Blueprint("documentation", __name__)

    @lru_cache(maxsize=8)
    def render(prefix: str) -> tuple[bytes, bytes]:
        """As JSON and as YAML, with the server that is reached under `prefix`."""
        servers = [{**server, "url": prefix or "/"} for server in document["servers"]]
        mounted = {**document, "servers": servers}
        return orjson.dumps(mounted), to_yaml(mounted).encode()

    render("")

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
        media_type = MEDIA_TYPES[Path(asset).suffix]
        return send_from_directory(ASSETS[asset], asset, mimetype=media_type)

    @views.get("/openapi.json")
    async def get_document() -> Response:
        return _cached(render(request.script_root)[0], "application/json")

    @views.get("/openapi.yaml")
    async def get_yaml_document() -> Response:
        return _cached(render(request.script_root)[1], "application/yaml")

    return views


def _cached(content: bytes, mimetype: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.add_etag()
    response.make_conditional(request)
    return response
