"""GET /errors and /errors/<slug>: the pages about problems, to which their `type` points."""

import json
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template
from werkzeug.exceptions import NotFound

from api.config.settings import Settings
from api.problems import BY_SLUG
from api.runtime.services import service
from openapi.document import TITLE
from openapi.examples import problem_example
from schemas.problems import Problem, ProblemType

error_pages = Blueprint("error_pages", __name__, url_prefix="/errors", template_folder="templates")
settings = service(Settings)


@error_pages.get("")
async def list_errors() -> Response:
    """Describe the body that all errors have, and list every type of error."""
    problems = sorted(BY_SLUG.values(), key=attrgetter("status", "slug"))
    return _page("errors.html", root="", problems=problems, members=Problem().fields)


@error_pages.get("/<slug>")
async def show_error(slug: str) -> Response:
    """Explain one problem: its cause, the remedy, an example, and the operations that return it.

    If there is more to say than the table's `remedy`, the problem has its own template.
    """
    problem = BY_SLUG.get(slug)
    if problem is None:
        raise NotFound("There is no error type with this name.")
    return _page(
        f"errors/{slug}.html",
        "error.html",
        root="../",
        problem=problem,
        example=json.dumps(problem_example(problem), indent=2),
        operations=sorted(_operations_with(problem)),
    )


def _operations_with(problem: ProblemType) -> Iterator[tuple[str, str]]:
    """Yield the tag and the id of each operation that may return `problem`."""
    for endpoint, view in current_app.view_functions.items():
        operation = getattr(view, "operation", None)
        if operation is not None and problem.slug in {p.slug for p in operation.problems}:
            yield endpoint.partition(".")[0], operation.operation_id


def _page(*templates: str, root: str, **context: Any) -> Response:
    """Render the first template that exists; `root` is the relative path to the mount point."""
    page = render_template([*templates], root=root, service=TITLE, settings=settings, **context)
    response = make_response(page)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return response
