"""ASGI: what stands between an ASGI server and the WSGI application.

Knows nothing of items, nor of Flask: any WSGI application can be bridged.
"""

from serving.bridge import AWAIT, Bridge

__all__ = ["AWAIT", "Bridge"]
