"""The Flask application: its views, one module per resource, and what all of them share."""

from api.application import create_app
from api.config.environment import load_settings

__all__ = ["create_app", "load_settings"]
