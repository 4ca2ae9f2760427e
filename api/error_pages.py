"""GET /errors/<slug>: what a problem's `type` leads to, for people."""

from flask import Blueprint, Response, make_response, render_template
from werkzeug.exceptions import NotFound

from api.problems import BY_SLUG

error_pages = Blueprint("error_pages", __name__, url_prefix="/errors", template_folder="templates")


@error_pages.get("/<slug>")
async def show_error(slug: str) -> Response:
    """What happened and what to do, from the table of problems."""
    problem = BY_SLUG.get(slug)
    if problem is None:
        raise NotFound("There is no problem of this type.")
    response = make_response(render_template("error.html", problem=problem))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response
