"""The OpenAPI 3.1 document, made from the application's routes and their operations."""

import inspect
import re
import sys
from collections import defaultdict
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import Any, cast

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema
from werkzeug.routing import Rule

from openapi import Json
from openapi.examples import example_of, instance_of, problem_example
from openapi.extensions import extensions_of, extensions_of_document
from openapi.fields import default_and_example, deprecation, describe_rules, named
from openapi.headers import (
    CHALLENGE,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    REQUEST_ID,
    RETRY_AFTER,
    SENT_REQUEST_ID,
)
from openapi.links import add_links
from openapi.operation import Limit, Operation, ResponseHeader
from openapi.parameters import header_parameter, path_parameters, query_parameters
from openapi.security import security, security_schemes
from schemas.base import DocumentedSchema, InputSchema
from schemas.problems import ProblemType

TITLE = "Items API"
VERSION = "0.1.0"
"""The version of the API and of the package; its only source (docs/versioning.md)."""
DESCRIPTION = """\
Things with a name, a status, a quantity and tags.

Every error of every operation has the same body, `application/problem+json` (RFC 9457); its `type`
is the address of [a page about it](errors). Failed token requests have the body of OAuth 2.0 (RFC
6749 §5.2) with the same members added. Every response has an `X-Request-ID`: include it when you
report a problem. A write that accepts an `Idempotency-Key` declares it; other writes reject it with
status 400. Client generators that don't support OpenAPI 3.1 can use this document in version 3.0.3
at [/openapi-3.0.json](openapi-3.0.json).
"""


class Document:
    """Adds one operation after another to an APISpec."""

    def __init__(self, *, auth_required: bool, contact: str, public_url: str) -> None:
        self._auth_required = auth_required
        self._rules: defaultdict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        base = f"{public_url}/" if public_url else ""
        marshmallow = MarshmallowPlugin(schema_name_resolver=self._unused_name)
        self.spec = APISpec(
            title=TITLE,
            version=VERSION,
            openapi_version="3.1.0",
            plugins=[marshmallow],
            info={
                "description": DESCRIPTION,
                "contact": contact_of(contact),
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            # Relative to the document's own address, so it is right behind a proxy that removes a
            # prefix from the path.
            servers=[{"url": public_url or ".", "description": "This service."}],
            externalDocs=external_docs(public_url),
        )
        self._converter = cast(Any, marshmallow.converter)
        for name, scheme in security_schemes(f"{base}api/auth/token").items():
            self.spec.components.security_scheme(name, scheme)
        for attribute_function in (default_and_example, deprecation, named):
            self._converter.add_attribute_function(attribute_function)

    def add(self, rule: Rule, operation: Operation, tag: str) -> None:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if len(methods) != 1:
            raise ValueError(f"{operation.operation_id}: an operation has one method")
        method = methods.pop().lower()
        described: Json = {
            "operationId": operation.operation_id,
            "summary": operation.summary,
            "description": operation.description,
            "tags": [tag],
            "parameters": [
                *path_parameters(rule),
                *query_parameters(operation, self._converter.field2property),
                *map(header_parameter, (*operation.request_headers, SENT_REQUEST_ID)),
            ],
            "responses": self._responses(operation),
            "security": security(operation.access, auth_required=self._auth_required),
        }
        if operation.deprecated is not None:
            described["deprecated"] = True
        if operation.body is not None:
            content = self._content(operation.body, *operation.body.media_types)
            about = f"At most {operation.max_body:,} bytes, unless the server's own limit is lower."
            self._rules[schema_name(operation.body)] |= dict.fromkeys(operation.rules)
            described["requestBody"] = {"description": about, "required": True, "content": content}
        described |= extensions_of(operation, method)
        self.spec.path(path, operations={method: described})

    def _responses(self, operation: Operation) -> Json:
        headers = self._headers(*headers_of_every_answer(operation.limit), *operation.headers)
        success: Json = {"description": HTTPStatus(operation.status).phrase, "headers": headers}
        if operation.returns is not None:
            success["content"] = self._content(operation.returns)
        responses = {str(operation.status): success}
        if operation.conditional:
            responses["304"] = {"description": "Not Modified", "headers": headers}
        problems = sorted(set(operation.problems), key=attrgetter("status", "slug"))
        for status, same_status in groupby(problems, key=attrgetter("status")):
            responses[str(status)] = self._problem_reference(list(same_status), operation)
        return dict(sorted(responses.items()))

    def _problem_reference(self, problems: list[ProblemType], operation: Operation) -> Json:
        """Return a reference to the response that documents all of `problems`, which share a
        status."""
        name = "Or".join(problem.slug.title().replace("-", "") for problem in problems)
        name += "Unlimited" if operation.limit is Limit.NONE else ""
        name += "OAuth" if operation.oauth else ""
        if name not in self.spec.components.responses:
            by_type = sorted(problems, key=attrgetter("media_type"))
            content = {
                media_type: self._problem_content(list(alike))
                for media_type, alike in groupby(by_type, key=attrgetter("media_type"))
            }
            added = [RETRY_AFTER for problem in problems if problem.retry_after is not None]
            added += [CHALLENGE for problem in problems if problem.challenge is not None]
            self.spec.components.response(
                name,
                {
                    "description": "\n\n".join(map(problem_description, problems)),
                    "headers": self._headers(*headers_of_every_answer(operation.limit), *added),
                    "content": content,
                },
            )
        return {"$ref": f"#/components/responses/{name}"}

    def _problem_content(self, problems: list[ProblemType]) -> Json:
        schemas = [self._schema(schema) for schema in {p.schema: None for p in problems}]
        return {
            "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas},
            "examples": {
                problem.slug: {"summary": problem.title, "value": problem_example(problem)}
                for problem in problems
            },
        }

    def _headers(self, *headers: ResponseHeader) -> Json:
        for header in headers:
            if header.name not in self.spec.components.headers:
                described = {
                    "description": header.description,
                    "required": header.required,
                    "schema": header.schema,
                    "example": header.example,
                }
                self.spec.components.header(header.name, described)
        return {h.name: {"$ref": f"#/components/headers/{h.name}"} for h in headers}

    def _content(self, schema: type[DocumentedSchema], *media_types: str) -> Json:
        described = {"schema": self._schema(schema), "example": example_of(instance_of(schema))}
        return dict.fromkeys(media_types or ("application/json",), described)

    def _schema(self, schema: type[DocumentedSchema]) -> Any:
        return self._converter.resolve_nested_schema(instance_of(schema))

    def _unused_name(self, schema: type[Schema] | Schema) -> str:
        """Return the name of `schema`. Raises ValueError if it is taken; apispec would use
        `Item1`."""
        name = schema_name(schema)
        if name in self.spec.components.schemas:
            raise ValueError(f"two schemas are called {name}: give each variant a class")
        return name

    def as_dict(self) -> Json:
        """Return the whole document, with the descriptions and keywords of the schemas added."""
        document = self.spec.to_dict()
        for schema, *_ in self._converter.refs:
            described = document["components"]["schemas"][schema_name(schema)]
            described["description"] = inspect.cleandoc(schema.__doc__ or "")
            describe_rules(described, self._rules[schema_name(schema)])
            described.update(getattr(schema, "json_schema", {}))
            if issubclass(schema, InputSchema):
                # Importers read the example of a form here, not beside it.
                described["examples"] = [example_of(instance_of(schema))]
        return document


def build_document(
    app: Flask, *, auth_required: bool = False, contact: str = "", public_url: str = ""
) -> Json:
    """Return the document of every view of `app` that declares an operation.

    `contact`: an e-mail address or a URL for its readers. `public_url`: where the service is.
    """
    document = Document(auth_required=auth_required, contact=contact, public_url=public_url)
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            document.add(rule, operation, tag=rule.endpoint.partition(".")[0])
    described = document.as_dict()
    add_links(described["paths"])
    described |= extensions_of_document(described["paths"])
    used = {
        tag for path in described["paths"].values() for op in path.values() for tag in op["tags"]
    }
    described["tags"] = [
        {"name": name, "description": inspect.cleandoc(sys.modules[bp.import_name].__doc__ or "")}
        for name, bp in app.blueprints.items()
        if name in used
    ]
    return described


def contact_of(address: str) -> Json:
    found = {("url" if "://" in address else "email"): address} if address else {}
    return {"name": "The operator of this service", **found}


def external_docs(public_url: str) -> Json:
    """Describe the pages about errors, or their form: OpenAPI 3.1 allows no relative URL here."""
    if public_url:
        return {"url": f"{public_url}/errors", "description": "The errors: causes and remedies."}
    rfc = "https://www.rfc-editor.org/rfc/rfc9457"
    return {"url": rfc, "description": "The form of every error (RFC 9457)."}


def schema_name(schema: type[Schema] | Schema) -> str:
    return (schema if isinstance(schema, type) else type(schema)).__name__


def headers_of_every_answer(limit: Limit) -> tuple[ResponseHeader, ...]:
    return (REQUEST_ID,) if limit is Limit.NONE else (REQUEST_ID, RATE_LIMIT, RATE_LIMIT_POLICY)


def problem_description(problem: ProblemType) -> str:
    """Describe a problem, with a link to its page that works from the pages of the document."""
    return f"[{problem.title}]({problem.uri.removeprefix('/')}). {problem.description}"
