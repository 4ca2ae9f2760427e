"""`python -m tests.asgi`: asgi.py, in whose application there are gizmos."""

import runpy

import tests.served  # noqa: F401  # adds them

__all__ = ["app", "flask_app"]

if __name__ == "__main__":
    runpy.run_module("asgi", run_name="__main__")
else:
    from asgi import app, flask_app
