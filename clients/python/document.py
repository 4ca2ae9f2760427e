"""The OpenAPI document as openapi-python-client understands it, from standard input to output.

- The generator takes an operation that may have a token for one that must, and its types would
  refuse a client without one. So where sending none is among the choices, it is the only one here.
- It makes a choice of types from several media types of a body, and leaves the body out if none is
  given, which answers 415. They have the same fields, so the first one is enough.
- It makes `Any` of a response without a body, and a list would have no useful type. A 304 is
  returned all the same, without a parsed body.
"""

import json
import sys

document = json.load(sys.stdin)
for methods in document["paths"].values():
    for operation in methods.values():
        if {} in operation["security"]:
            operation["security"] = []
        if content := operation.get("requestBody", {}).get("content"):
            first = next(iter(content))
            operation["requestBody"]["content"] = {first: content[first]}
        operation["responses"].pop("304", None)
json.dump(document, sys.stdout)
