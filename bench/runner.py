"""Serve the application of a module as `python asgi.py` serves its own:
`python -m bench.runner MODULE PORT`."""

import sys
from importlib import import_module

from serving.config import Options
from serving.runner import run

if __name__ == "__main__":
    module, port = sys.argv[1:]
    run(import_module(module).app, Options(port=int(port)))
