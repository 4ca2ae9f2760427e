"""`python -m serving`: what `make serve` and the service units start."""

from asgi import app, settings
from serving.runner import run

if __name__ == "__main__":
    run(app, host=settings.host, port=settings.port)
