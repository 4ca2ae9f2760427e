"""ASGI: the layer between an ASGI server and the WSGI application.

It doesn't depend on Flask: it can bridge any WSGI application.
"""

from serving.bridge import AWAIT, Bridge

__all__ = ["AWAIT", "Bridge"]
