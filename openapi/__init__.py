"""From the operations that the views declare to the OpenAPI document, and its pages."""
