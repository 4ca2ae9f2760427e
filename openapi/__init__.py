"""The OpenAPI document, made from the operations that the views declare, and its pages."""
