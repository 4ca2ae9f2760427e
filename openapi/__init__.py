"""The OpenAPI document, made from the operations that the views declare, and its pages."""

from typing import Any

Json = dict[str, Any]
"""A JSON object: the document, or a part of it."""
