"""Runs what a command does on an event loop, and says in one line why it couldn't."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from api.runtime.services import current_services
from storage import DatabaseUnavailable
from storage.engines import revisions

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What `coroutine` returns; the application is closed then. Raises ClickException."""

    async def run_and_close() -> T:
        try:
            return await coroutine
        finally:
            await current_services().close()

    try:
        return asyncio.run(run_and_close())
    except (DatabaseUnavailable, revisions.RevisionError) as error:
        raise click.ClickException(str(error)) from None
