"""`flask --app api settings example`: write the settings as an example of a `.env` file."""

from collections.abc import Iterator
from dataclasses import Field, fields
from textwrap import wrap
from typing import Any

import click
from flask.cli import AppGroup

from api.config.declaration import DEVELOPMENT, PRODUCTION
from api.config.settings import Settings

HEAD = """\
# The settings, with their defaults. Copy this file to .env and remove the # of a line to set it.
# Made by `flask --app api settings example`; docs/settings.md has the same as a table.
"""

settings = AppGroup("settings", help="The settings of the service.")


@settings.command()
def example() -> None:
    """Write an example of a .env file to standard output."""
    click.echo("\n".join([HEAD, *map(_entry, fields(Settings))]), nl=False)


def _entry(declared: Field[Any]) -> str:
    """Return the lines of a setting: comments, then its name and default, commented out."""
    comments = [f"# {line}" for text in _texts(declared) for line in wrap(text, width=98)]
    default = declared.metadata["defaults"][DEVELOPMENT]
    return "\n".join([*comments, f"#{declared.name.upper()}={default}", ""])


def _texts(declared: Field[Any]) -> Iterator[str]:
    about = declared.metadata
    yield about["meaning"]
    yield f"Allowed: {about['parser'].allowed}."
    in_production = about["defaults"][PRODUCTION]
    if in_production != about["defaults"][DEVELOPMENT]:
        yield f"Default in production: {in_production or 'empty'}."
