"""Count the requests that reach no operation (operations count theirs): unknown paths and methods,
preflights, the document and its pages."""

from flask import request

from api.limiting.errors import RateLimited
from api.limiting.rate_limits import RateLimits
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Limit

UNCOUNTED = {"metrics.get_metrics"}
"""Not counted, because monitoring is needed most in a flood. It counts the requests that it
refuses."""


def is_preflight() -> bool:
    """Return whether the request is a browser's CORS preflight."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def init_app(app: AsyncFlask) -> None:
    async def count() -> None:
        await app.services[RateLimits].count(Limit.GENERAL, None)

    def count_unless_an_operation_does() -> None:
        rule = request.url_rule
        if rule is not None and rule.endpoint in UNCOUNTED:
            return
        view = None if rule is None else app.view_functions[rule.endpoint]
        operation = getattr(view, "operation", None)
        if operation is not None and (request.method != "OPTIONS" or operation.limit is Limit.NONE):
            return
        try:
            app.ensure_sync(count)()
        except RateLimited:
            # If the preflight were refused, the browser would hide the request's 429 from the page.
            if not is_preflight():
                raise

    app.before_request(count_unless_an_operation_does)
