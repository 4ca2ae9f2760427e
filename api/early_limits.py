"""Counts the requests that reach no operation, which would count them itself: what is refused for
its path or its method, preflights, the document and its pages."""

from flask import request

from api.app import Api
from openapi.operation import Limit

UNCOUNTED = {"metrics.get_metrics"}
"""Monitoring is needed most in a flood. It counts what it refuses."""


def init_app(app: Api) -> None:
    async def count() -> None:
        await app.rate_limits.count(Limit.GENERAL, None)

    def count_unless_an_operation_does() -> None:
        if request.endpoint in UNCOUNTED:
            return
        view = None if request.url_rule is None else app.view_functions[request.url_rule.endpoint]
        operation = getattr(view, "operation", None)
        if operation is not None and (request.method != "OPTIONS" or operation.limit is Limit.NONE):
            return
        app.ensure_sync(count)()

    app.before_request(count_unless_an_operation_does)
