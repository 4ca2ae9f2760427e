"""What a view reaches without asking for it: the objects that live as long as the application."""

from typing import cast

from flask.globals import app_ctx
from werkzeug.local import LocalProxy

from api.app import Api
from api.identity.passwords import Passwords
from api.identity.provider import IdentityProvider
from api.identity.refresh_tokens import RefreshTokens
from api.identity.tokens import AccessTokens
from api.instruments import Instruments
from api.limiting.rate_limits import RateLimits
from api.settings import Settings
from storage import Database


def this_app() -> Api:
    """The application itself, for who needs it more than once."""
    return cast(Api, app_ctx.app)


database: Database = cast(Database, LocalProxy(lambda: this_app().database))
passwords: Passwords = cast(Passwords, LocalProxy(lambda: this_app().passwords))
tokens: AccessTokens = cast(AccessTokens, LocalProxy(lambda: this_app().tokens))
refresh_tokens: RefreshTokens = cast(RefreshTokens, LocalProxy(lambda: this_app().refresh_tokens))
rate_limits: RateLimits = cast(RateLimits, LocalProxy(lambda: this_app().rate_limits))
instruments: Instruments = cast(Instruments, LocalProxy(lambda: this_app().instruments))
settings: Settings = cast(Settings, LocalProxy(lambda: this_app().settings))


def identity_provider() -> IdentityProvider | None:
    """None where only our own tokens count."""
    return this_app().identity_provider
