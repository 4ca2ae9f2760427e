"""Links (OpenAPI's Link Object): which operations take what a response contains."""

import re
from typing import Any

from openapi import Json


def add_links(paths: Json) -> None:
    """Link each create to the operations on the new resource, and each page to the next one."""
    for path, methods in paths.items():
        for operation in methods.values():
            success = next(r for status, r in operation["responses"].items() if status < "300")
            if "Location" in success["headers"]:
                success["links"] = dict(links_to_resource(path, paths))
            elif "Link" in success["headers"]:
                success["links"] = {"next_page": link_to_next_page(operation)}


def links_to_resource(path: str, paths: Json) -> Any:
    """Yield a link to each operation on the resource that was created below `path`."""
    below = re.compile(re.escape(path) + r"/{(\w+)}")
    inherited = {name: f"$request.path.{name}" for name in re.findall(r"{(\w+)}", path)}
    for other, methods in paths.items():
        if (match := below.fullmatch(other)) is None:
            continue
        for operation in methods.values():
            yield (
                operation["operationId"],
                {
                    "operationId": operation["operationId"],
                    "description": operation["summary"] + ".",
                    "parameters": {**inherited, match[1]: "$response.body#/id"},
                },
            )


def link_to_next_page(operation: Json) -> Json:
    """Return a link to the same list with the cursor, and with the parameters of the request."""
    same = {
        parameter["name"]: f"$request.{parameter['in']}.{parameter['name']}"
        for parameter in operation["parameters"]
        if parameter["in"] != "header"
    }
    return {
        "operationId": operation["operationId"],
        "description": "The next page, unless `next_cursor` is null.",
        "parameters": {**same, "cursor": "$response.body#/next_cursor"},
    }
