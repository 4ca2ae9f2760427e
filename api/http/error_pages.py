"""GET /errors and /errors/<slug>: what a problem's `type` leads to, for people."""

import json
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template
from werkzeug.exceptions import NotFound

from api.config.settings import Settings
from api.problems import BY_SLUG
from api.runtime.services import service
from openapi.examples import problem_example
from schemas.problems import Problem, ProblemType

error_pages = Blueprint("error_pages", __name__, url_prefix="/errors", template_folder="templates")
settings = service(Settings)


@error_pages.get("")
async def list_errors() -> Response:
    """The body that all errors have, and every kind of them."""
    problems = sorted(BY_SLUG.values(), key=attrgetter("status", "slug"))
    return _page("errors.html", root="", problems=problems, members=Problem().fields)


@error_pages.get("/<slug>")
async def show_error(slug: str) -> Response:
    """What happened and what to do, an example, and which operations answer so.

    Where the table's sentence about what to do isn't all, the problem has a template of its own.
    """
    problem = BY_SLUG.get(slug)
    if problem is None:
        raise NotFound("There is no problem of this type.")
    return _page(
        f"errors/{slug}.html",
        "error.html",
        root="../",
        problem=problem,
        example=json.dumps(problem_example(problem), indent=2),
        operations=sorted(_operations_with(problem)),
    )


def _operations_with(problem: ProblemType) -> Iterator[tuple[str, str]]:
    """The id of each operation that may meet `problem`, after its tag."""
    for endpoint, view in current_app.view_functions.items():
        operation = getattr(view, "operation", None)
        if operation is not None and problem in operation.problems:
            yield endpoint.partition(".")[0], operation.operation_id


def _page(*templates: str, root: str, **context: Any) -> Response:
    """Of `templates` the first that is there; `root` leads to where the application is mounted."""
    page = render_template([*templates], root=root, settings=settings, **context)
    response = make_response(page)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return response
