"""Breaks between two versions of the OpenAPI document: what an existing client can't do or rely on
any more. docs/versioning.md describes the rules.

The new version must accept what clients send, so the schemas of requests may only widen. Clients
must understand what they receive, so the schemas of responses may only narrow: the same rule with
the versions swapped.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.openapi.references import Json, resolve


class Break(NamedTuple):
    """`place` is the name by which the changelog has to mention it."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"`{self.place}`: {self.what}"


def _lower(before: float | None, after: float | None) -> bool:
    return after is not None and (before is None or after < before)


def _higher(before: float | None, after: float | None) -> bool:
    return after is not None and (before is None or after > before)


def _other(before: Any, after: Any) -> bool:
    return after is not None and after != before


NARROWER: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(
        ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"], _lower
    ),
    **dict.fromkeys(
        ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"], _higher
    ),
    **dict.fromkeys(["format", "pattern", "const", "multipleOf"], _other),
    "enum": lambda before, after: after is not None and not set(before or ["any"]) <= set(after),
    "required": lambda before, after: not set(after or []) <= set(before or []),
    "uniqueItems": lambda before, after: bool(after) and not before,
    "additionalProperties": lambda before, after: after is False and before is not False,
    "default": lambda before, after: None not in (before, after) and before != after,
}
"""Whether a schema accepts less than before, for each keyword; a missing keyword is None."""
OF_INPUT = {"pattern", "default"}
"""Keywords that may change in a response."""
STRUCTURE = {"$ref", "type", "anyOf", "items", "properties"}
ANNOTATIONS = {"title", "description", "examples", "example", "deprecated", "externalDocs"}


def breaks_between(released: Json, current: Json) -> list[Break]:
    """Raises ValueError for a keyword of JSON Schema that no rule covers."""
    found = _Comparison(released, current).breaks()
    return list(dict.fromkeys(found))  # what two operations share is one break


class _Comparison:
    def __init__(self, released: Json, current: Json) -> None:
        self._released = released
        self._current = current
        self._compared: set[tuple[str, str, bool]] = set()

    def breaks(self) -> Iterator[Break]:
        operations = dict(_operations(self._current))
        for key, old in _operations(self._released):
            place = old["operationId"]
            if key not in operations:
                yield Break(place, f"{' '.join(key)} was removed")
                continue
            new = operations[key]
            if new["operationId"] != place:
                yield Break(place, f"is called `{new['operationId']}`")
            if not all(any(a.keys() <= b.keys() for a in _access(new)) for b in _access(old)):
                yield Break(place, "needs other credentials")
            yield from self._parameters(place, old, new)
            yield from self._body(place, old.get("requestBody"), new.get("requestBody"))
            yield from self._responses(place, old["responses"], new["responses"])

    def _parameters(self, place: str, old: Json, new: Json) -> Iterator[Break]:
        before = {(p["in"], p["name"]): p for p in old["parameters"]}
        after = {(p["in"], p["name"]): p for p in new["parameters"]}
        for (kind, name), parameter in before.items():
            if (kind, name) not in after:
                yield Break(f"{place}.{name}", f"the {kind} parameter was removed")
                continue
            schemas = parameter["schema"], after[kind, name]["schema"]
            yield from self._schema(*schemas, f"{place}.{name}", output=False)
        for (kind, name), parameter in after.items():
            required = before.get((kind, name), {}).get("required")
            if parameter["required"] and not required:
                yield Break(f"{place}.{name}", f"the {kind} parameter is required")

    def _body(self, place: str, old: Json | None, new: Json | None) -> Iterator[Break]:
        place = f"{place}.body"
        if new is not None and new["required"] and not (old and old["required"]):
            yield Break(place, "is required")
        if old is not None:
            yield from self._content(place, old, new or {}, output=False)

    def _responses(self, place: str, old: Json, new: Json) -> Iterator[Break]:
        for status, response in old.items():
            if status not in new:
                yield Break(f"{place}.{status}", "the response was removed")
                continue
            before = resolve(self._released, response)
            after = resolve(self._current, new[status])
            yield from self._content(f"{place}.{status}", before, after, output=True)
            yield from self._headers(f"{place}.{status}", before["headers"], after["headers"])

    def _headers(self, place: str, old: Json, new: Json) -> Iterator[Break]:
        for name, header in old.items():
            if name not in new:
                yield Break(name, f"the header was removed from `{place}`")
                continue
            before = resolve(self._released, header)
            after = resolve(self._current, new[name])
            if before["required"] and not after["required"]:
                yield Break(name, "the header may be missing")
            yield from self._schema(before["schema"], after["schema"], name, output=True)

    def _content(self, place: str, old: Json, new: Json, *, output: bool) -> Iterator[Break]:
        after = new.get("content", {})
        for media_type, content in old.get("content", {}).items():
            if media_type not in after:
                yield Break(place, f"{media_type} was removed")
                continue
            schemas = content["schema"], after[media_type]["schema"]
            yield from self._schema(*schemas, place, output=output)

    def _schema(self, old: Json, new: Json, place: str, *, output: bool) -> Iterator[Break]:
        name, other = _name(old), _name(new)
        if name:
            place = name
            if (name, other, output) in self._compared:
                return
            self._compared.add((name, other, output))
            if other != name:
                yield Break(name, f"the schema became {other or 'anonymous'}")
        old, new = resolve(self._released, old), resolve(self._current, new)
        before = _alternatives(self._released, old)
        after = _alternatives(self._current, new)
        if len(before) == len(after) == 1 and before.keys() == after.keys():
            yield from self._keywords(old, new, place, output=output)
            return
        for key in before.keys() & after.keys():
            yield from self._schema(before[key], after[key], place, output=output)
        # A client must not send what isn't accepted any more, nor get what it never got before.
        for key in sorted(after.keys() - before.keys() if output else before.keys() - after.keys()):
            yield Break(place, f"{key} {'was added' if output else 'was removed'}")

    def _keywords(self, old: Json, new: Json, place: str, *, output: bool) -> Iterator[Break]:
        for keyword in sorted(old.keys() | new.keys()):
            if keyword in NARROWER:
                values = old.get(keyword), new.get(keyword)
                narrower = NARROWER[keyword](*(reversed(values) if output else values))
                if narrower and not (output and keyword in OF_INPUT):
                    yield Break(place, f"{keyword}: {_change(*values)}")
            elif keyword not in STRUCTURE | ANNOTATIONS and not keyword.startswith("x-"):
                raise ValueError(f"{place}: no rule says what breaks with the keyword {keyword}")
        for name, described in old.get("properties", {}).items():
            if name in new.get("properties", {}):
                pair = described, new["properties"][name]
                yield from self._schema(*pair, f"{place}.{name}", output=output)
            else:
                yield Break(f"{place}.{name}", "the field was removed")
        for keyword, suffix in (("items", "[]"), ("additionalProperties", "{}")):
            before, after = old.get(keyword), new.get(keyword)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self._schema(before, after, place + suffix, output=output)


def _operations(document: Json) -> Iterator[tuple[tuple[str, str], Json]]:
    """Each operation after its method and its path, in which the names of variables don't count."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method.upper(), re.sub(r"{[^}]+}", "{}", path)), operation


def _access(operation: Json) -> list[Json]:
    """The alternatives of the credentials, of which one is enough."""
    return operation["security"] or [{}]


def _name(schema: Json) -> str:
    """The name of a schema that is referred to, or an empty text."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _alternatives(document: Json, schema: Json) -> dict[str, Json]:
    """The members of `anyOf` and the types of a list of types, each by its name or its type."""
    if "anyOf" in schema:
        return {
            _name(one) or str(resolve(document, one).get("type", "any")): one
            for one in schema["anyOf"]
        }
    types = schema.get("type", "any")
    kinds = types if isinstance(types, list) else [types]
    return {kind: {**schema, "type": kind} if kind != "any" else schema for kind in kinds}


def _change(old: Any, new: Any) -> str:
    if isinstance(old or new, list):
        before, after = old or [], new or []
        removed = [f"without {value}" for value in before if value not in after]
        added = [f"with {value}" for value in after if value not in before]
        return ", ".join([*removed, *added]) or "only these values"
    return f"{old} → {new}"
