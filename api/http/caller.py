"""The parameter `caller` of a view: the client that sent the request."""

from typing import Annotated

from api.http.providers import Provider
from api.http.request_caller import RequestCaller
from storage import DatabaseUnavailable

Caller = Annotated[
    RequestCaller,
    Provider(lambda call: call.caller, errors=(DatabaseUnavailable,), identifies=True),
]
