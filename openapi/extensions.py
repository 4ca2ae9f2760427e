"""Keywords for SDK generators beside OpenAPI's own: how to page through a list, and what to retry.

They are those of Speakeasy and Fern, which other generators read too.
"""

from openapi import Json
from openapi.examples import instance_of
from openapi.operation import Operation
from schemas.base import OutputSchema
from schemas.pages import Page

IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENT_METHODS = {"get", "put", "delete"}
RETRIES = {
    "strategy": "backoff",
    "backoff": {
        "initialInterval": 500,
        "maxInterval": 30_000,
        "maxElapsedTime": 120_000,
        "exponent": 1.5,
    },
    "statusCodes": ["408", "429", "5XX"],
    "retryConnectionErrors": True,
}
"""The intervals are in milliseconds."""
NO_RETRIES = {"disabled": True}
"""Fern's SDKs retry every operation otherwise."""


def extensions_of(operation: Operation, method: str) -> Json:
    keyed = any(header.name == IDEMPOTENCY_KEY for header in operation.request_headers)
    repeatable = keyed or method in IDEMPOTENT_METHODS
    return {
        **pagination(operation.returns),
        **({"x-fern-idempotent": True} if keyed else {}),
        **({"x-speakeasy-retries": RETRIES} if repeatable else {"x-fern-retries": NO_RETRIES}),
    }


def pagination(returns: type[OutputSchema] | None) -> Json:
    """Describe which parameter takes the cursor, and where the next cursor and the rows are."""
    if returns is None or not issubclass(returns, Page):
        return {}
    [rows] = [name for name, f in instance_of(returns).fields.items() if f.attribute == "rows"]
    return {
        "x-speakeasy-pagination": {
            "type": "cursor",
            "inputs": [{"name": "cursor", "in": "parameters", "type": "cursor"}],
            "outputs": {"nextCursor": "$.next_cursor", "results": f"$.{rows}"},
        },
        "x-fern-pagination": {
            "cursor": "$request.cursor",
            "next_cursor": "$response.next_cursor",
            "results": f"$response.{rows}",
        },
    }


def extensions_of_document(paths: Json) -> Json:
    """Return the keywords at the root: the header that makes a write repeatable, if one has it."""
    operations = [operation for methods in paths.values() for operation in methods.values()]
    if not any("x-fern-idempotent" in operation for operation in operations):
        return {}
    name = IDEMPOTENCY_KEY.lower().replace("-", "_")
    return {"x-fern-idempotency-headers": [{"header": IDEMPOTENCY_KEY, "name": name}]}
