"""create_app(): the application, put together from its parts."""

from functools import partial

import click
from flask import Blueprint

from api import (
    auth,
    cli,
    cors,
    cursors,
    early_limits,
    error_pages,
    errors,
    headers,
    health,
    items,
    log,
    metrics,
    request_log,
    security,
    sessions,
    users,
)
from api.app import Api
from api.converters import IdConverter
from api.environment import load_settings
from api.exposure import report
from api.limiting import rate_limits
from api.settings import Settings
from openapi import views as documentation
from openapi.document import build_document

RESOURCES: tuple[Blueprint, ...] = (
    health.health,
    auth.auth,
    items.items,
    users.users,
    sessions.sessions,
)


def create_app(settings: Settings | None = None) -> Api:
    """The application for `settings`, by default those of the environment.

    Raises SettingsError, with one line that says which setting is wrong.
    """
    # By a server such as Gunicorn, and not for one of Flask's commands.
    starts_a_server = settings is None and click.get_current_context(silent=True) is None
    settings = settings or load_settings()
    log.configure(settings)
    if starts_a_server:
        report(settings)
    app = Api(settings)
    app.url_map.merge_slashes = False  # a redirect would lose the body of a POST
    app.url_map.converters["id"] = IdConverter
    for blueprint in RESOURCES:
        app.register_blueprint(blueprint)
    app.register_blueprint(error_pages.error_pages)
    app.register_blueprint(metrics.metrics)
    document = build_document(app, auth_required=settings.auth_required, contact=settings.contact)
    if settings.docs_enabled:
        app.register_blueprint(documentation.documentation(document))
    errors.init_app(app)
    cursors.init_app(app, settings)
    headers.init_app(app)
    rate_limits.init_app(app)
    early_limits.init_app(app)
    security.init_app(app)
    cors.init_app(app, settings, document)
    cli.init_app(app, document)
    recorded = partial(
        request_log.RequestLog, observer=app.instruments, proxies=settings.trusted_proxies
    )
    app.wsgi_app = recorded(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way
    app.failure = recorded(app.answer_failure)
    return app
