"""Management commands: `flask --app api …`."""

import json
from typing import Any

import click
from flask import Flask

from api.commands.cors_check import cors
from api.commands.database import db
from api.commands.settings_example import settings
from api.commands.users import users


def init_app(app: Flask, document: dict[str, Any]) -> None:
    for group in (db, users, cors, settings):
        app.cli.add_command(group)

    @app.cli.command("openapi")
    def openapi() -> None:
        """Write the OpenAPI document to standard output."""
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
