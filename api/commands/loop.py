"""Run a command's coroutine on an event loop, and report errors in one line."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from api.runtime.async_flask import this_app
from storage import DatabaseUnavailable
from storage.engines import revisions

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of `coroutine`, and close the application. Raises ClickException."""

    async def run_and_close() -> T:
        try:
            return await coroutine
        finally:
            await this_app().close()

    try:
        return asyncio.run(run_and_close())
    except (DatabaseUnavailable, revisions.RevisionError) as error:
        raise click.ClickException(str(error)) from None
