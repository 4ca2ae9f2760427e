"""What a view reaches without asking for it: the objects that live as long as the application."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from api.app import Api
from api.identity.passwords import Passwords
from api.identity.provider import IdentityProvider
from api.identity.tokens import AccessTokens
from api.instruments import Instruments
from api.limiting.rate_limits import RateLimits
from api.settings import Settings
from storage import Database


def _app() -> Api:
    return cast(Api, current_app)


database: Database = cast(Database, LocalProxy(lambda: _app().database))
passwords: Passwords = cast(Passwords, LocalProxy(lambda: _app().passwords))
tokens: AccessTokens = cast(AccessTokens, LocalProxy(lambda: _app().tokens))
rate_limits: RateLimits = cast(RateLimits, LocalProxy(lambda: _app().rate_limits))
instruments: Instruments = cast(Instruments, LocalProxy(lambda: _app().instruments))
settings: Settings = cast(Settings, LocalProxy(lambda: _app().settings))


def identity_provider() -> IdentityProvider | None:
    """None where only our own tokens count."""
    return _app().identity_provider
