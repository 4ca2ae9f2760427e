"""The document at /openapi.json, /openapi.yaml and /openapi-3.0.json, Swagger UI at /docs."""

from collections.abc import Callable
from functools import cache, partial
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import yaml
from apispec.yaml_utils import dict_to_yaml
from flask import Blueprint, Response, redirect, request, send_from_directory
from werkzeug.exceptions import NotFound, PreconditionFailed
from werkzeug.wrappers import Response as BaseResponse

from openapi import Json
from openapi.openapi_3_0 import as_openapi_3_0
from openapi.operation import View

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


def as_yaml(document: Json) -> bytes:
    # The emitter in C is ten times as fast.
    options = {"allow_unicode": True, "width": 100, "Dumper": yaml.CSafeDumper}
    text: str = dict_to_yaml(document, options)
    return text.encode()


RENDERINGS: tuple[tuple[str, str, str, Callable[[Json], bytes]], ...] = (
    ("/openapi.json", "get_document", "application/json", orjson.dumps),
    ("/openapi.yaml", "get_yaml_document", "application/yaml", as_yaml),
    (
        "/openapi-3.0.json",
        "get_older_document",
        "application/json",
        lambda document: orjson.dumps(as_openapi_3_0(document)),
    ),
)


def documentation(document: Json) -> Blueprint:
    """Return the views that serve `document`."""
    views = Blueprint("documentation", __name__)
    server = urlsplit(document["servers"][0]["url"])
    connect = f"'self' {server.scheme}://{server.netloc}" if server.netloc else "'self'"
    policy = POLICY.format(connect=connect)

    @views.get("/")
    async def redirect_to_docs() -> BaseResponse:
        # Relative, because a proxy may have removed a prefix without reporting it.
        return redirect(f"{request.script_root}/docs" if request.script_root else "docs")

    @views.get("/docs")
    async def show_docs() -> Response:
        response = _unless_refused(send_from_directory(OURS, "index.html"))
        response.headers["Content-Security-Policy"] = policy
        return response

    @views.get("/docs/<asset>")
    async def get_asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise NotFound
        media_type = MEDIA_TYPES[Path(asset).suffix]
        return _unless_refused(send_from_directory(ASSETS[asset], asset, mimetype=media_type))

    for path, name, media_type, render in RENDERINGS:
        views.add_url_rule(path, name, _rendered(partial(render, document), media_type))
    return views


def _rendered(render: Callable[[], bytes], media_type: str) -> View:
    """Return the view of a rendering, which is made at the first request, because YAML is slow and
    the start should be fast."""
    content = cache(render)

    async def show_document() -> Response:
        response = Response(content(), mimetype=media_type)
        response.add_etag()
        response.make_conditional(request)
        return _unless_refused(response)

    return show_document


def _unless_refused(response: Response) -> Response:
    """Raise PreconditionFailed where If-Match fails: Werkzeug would send the content as 412."""
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        response.close()
        raise PreconditionFailed
    return response
