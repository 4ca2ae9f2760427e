"""The document at /openapi.json, /openapi.yaml and /openapi-3.0.json, Swagger UI at /docs."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, redirect, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from openapi.document import to_yaml
from openapi.openapi_3_0 import as_openapi_3_0

OURS = Path(__file__).parent / "static"
VENDORED = Path(str(files("flask_swagger_ui"))) / "dist"
ASSETS = {
    "page.css": OURS,
    "initializer.js": OURS,
    "plugins.js": OURS,
    "swagger-ui.css": VENDORED,
    "swagger-ui-bundle.js": VENDORED,
    "favicon-32x32.png": VENDORED,
}
# Fixed, because tables differ by machine, and browsers refuse scripts of another type (nosniff).
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
# Swagger UI needs no inline style, and its icons are data: addresses in its style sheet. It calls
# the server that the document names, which may have another origin than the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

RENDERERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "json": orjson.dumps,
    "yaml": lambda document: to_yaml(document).encode(),
    "json-3.0": lambda document: orjson.dumps(as_openapi_3_0(document)),
}


def documentation(document: dict[str, Any]) -> Blueprint:
    """Return the views that serve `document`.

    It is rendered at the first request, because YAML is slow and the start should be fast.
    """
    views = Blueprint("documentation", __name__)
    server = urlsplit(document["servers"][0]["url"])
    connect = f"'self' {server.scheme}://{server.netloc}" if server.netloc else "'self'"
    policy = POLICY.format(connect=connect)

    @cache
    def render(form: str) -> bytes:
        return RENDERERS[form](document)

    @views.get("/")
    async def redirect_to_docs() -> BaseResponse:
        # Relative, because a proxy may have removed a prefix without reporting it.
        return redirect(f"{request.script_root}/docs" if request.script_root else "docs")

    @views.get("/docs")
    async def show_docs() -> Response:
        response = send_from_directory(OURS, "index.html")
        response.headers["Content-Security-Policy"] = policy
        return response

    @views.get("/docs/<asset>")
    async def get_asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise NotFound
        media_type = MEDIA_TYPES[Path(asset).suffix]
        return send_from_directory(ASSETS[asset], asset, mimetype=media_type)

    @views.get("/openapi.json")
    async def get_document() -> Response:
        return _cached(render("json"), "application/json")

    @views.get("/openapi.yaml")
    async def get_yaml_document() -> Response:
        return _cached(render("yaml"), "application/yaml")

    @views.get("/openapi-3.0.json")
    async def get_older_document() -> Response:
        return _cached(render("json-3.0"), "application/json")

    return views


def _cached(content: bytes, mimetype: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.add_etag()
    response.make_conditional(request)
    return response
