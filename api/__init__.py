"""The Flask application: its views, one module per resource, and what all of them share."""

from api.environment import load_settings
from api.factory import create_app

__all__ = ["create_app", "load_settings"]
