"""create_app(): the application, put together from its services and its parts."""

from datetime import timedelta
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

import click
from flask import Blueprint

from api import auth, commands, health, items, sessions, users
from api.config.environment import load_settings
from api.config.exposure import report
from api.config.settings import Settings
from api.http import (
    allowed_hosts,
    cors,
    error_pages,
    errors,
    headers,
    metrics_page,
    paging,
)
from api.http.path_ids import IdConverter
from api.identity.passwords import Passwords
from api.identity.tokens import AccessTokens, TokenVerifier
from api.limiting import rate_limits
from api.limiting.rate_limits import RateLimits
from api.observability import log
from api.observability.metrics import Metrics
from api.observability.readiness import Readiness
from api.observability.request_log import RequestLog
from api.runtime.async_flask import AsyncFlask
from api.runtime.expiry import Expiry
from api.runtime.proxies import with_prefix
from api.runtime.services import Services
from openapi import views as documentation
from openapi.document import build_document
from storage import Database, PoolOptions, open_database

RESOURCES: tuple[Blueprint, ...] = (
    items.items,
    auth.auth,
    users.users,
    sessions.sessions,
    health.health,
)


def create_app(settings: Settings | None = None) -> AsyncFlask:
    """The application for `settings`, by default those of the environment.

    Raises SettingsError, with one line that says which setting is wrong.
    """
    # By a server such as Gunicorn, and not for one of Flask's commands.
    starts_a_server = settings is None and click.get_current_context(silent=True) is None
    settings = settings or load_settings()
    log.configure(settings)
    if starts_a_server:
        report(settings)
    app = AsyncFlask("api")
    add_services(app.services, settings)
    add_parts(app, settings)
    add_middleware(app, settings)
    return app


def add_parts(app: AsyncFlask, settings: Settings) -> None:
    """Add the routes, the document that is made from them, and the hooks around each request."""
    app.url_map.merge_slashes = False  # a redirect would lose the body of a POST
    app.url_map.converters["id"] = IdConverter
    for blueprint in (*RESOURCES, error_pages.error_pages, metrics_page.metrics):
        app.register_blueprint(blueprint)
    document = build_document(
        app,
        auth_required=settings.auth_required,
        contact=settings.contact,
        public_url=settings.public_url,
    )
    if settings.docs_enabled:
        app.register_blueprint(documentation.documentation(document))
    allowed_hosts.init_app(app, settings)
    errors.init_app(app)
    paging.init_app(app, settings)
    app.after_request(headers.add_accept_patch)
    rate_limits.init_app(app)
    cors.init_app(app, settings, document)
    commands.init_app(app, document)


def add_middleware(app: AsyncFlask, settings: Settings) -> None:
    """Put WSGI middleware around the application, and around its response to its own failure."""

    def recorded(application: WSGIApplication) -> RequestLog:
        metrics, proxies = app.services[Metrics], settings.trusted_proxies
        return RequestLog(application, metrics, proxies, headers.HEADERS)

    prefix = urlsplit(settings.public_url).path
    prefixed = with_prefix(app.wsgi_app, settings.trusted_proxies, default=prefix)
    app.wsgi_app = recorded(prefixed)  # type: ignore[method-assign]  # Flask's documented way
    app.failure = recorded(errors.failure_of(app))


def add_services(services: Services, settings: Settings) -> None:
    """Add what lives as long as the application. Nothing connects to anything yet."""
    services[Settings] = settings
    services.add(Metrics, Metrics(settings.prometheus_multiproc_dir), close=Metrics.close)
    database = open_database(
        settings.database_url,
        auto_migrate=settings.auto_migrate,
        pool=PoolOptions(
            size=settings.database_pool_size,
            timeout=settings.database_pool_timeout,
            statement_timeout=settings.database_statement_timeout,
            pgbouncer=settings.database_pgbouncer,
        ),
        observer=services[Metrics].observe_unit,
    )
    services.add(
        Database,
        database,
        start=Database.__aenter__,
        close=lambda database: database.close(),  # Database.close itself is abstract, and empty
    )
    # Redis may be away at the start; the log says so if it is.
    limits = RateLimits(settings)
    services.add(RateLimits, limits, start=RateLimits.available, close=RateLimits.close)
    services.add(Expiry, Expiry(database), start=Expiry.start, close=Expiry.stop)
    services[Readiness] = Readiness(database, limits.available)
    services.add(Passwords, Passwords(), close=Passwords.close)
    lifetime = timedelta(seconds=settings.access_token_seconds)
    services[AccessTokens] = AccessTokens(settings.secret_keys, lifetime=lifetime)
    if settings.jwt_jwks_url:
        add_identity_provider(services, settings)


def add_identity_provider(services: Services, settings: Settings) -> None:
    # cryptography takes 8 MiB, and 90 ms of a start, which others shall not pay for.
    from api.identity.key_set import KeySet  # noqa: PLC0415
    from api.identity.provider import IdentityProvider  # noqa: PLC0415

    provider = IdentityProvider(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        access_token_claim=settings.jwt_access_token_claim,
        longest_lifetime=settings.jwt_max_token_seconds,
        keys=KeySet(settings.jwt_jwks_url),
    )
    services.add(TokenVerifier, provider, close=lambda _: provider.keys.close())
