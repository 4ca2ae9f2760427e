"""Streamed responses, which the API itself doesn't have."""

from collections.abc import AsyncGenerator, Iterator
from typing import TypeVar

from api.runtime.async_flask import AsyncFlask

T = TypeVar("T")


def iterate(app: AsyncFlask, chunks: AsyncGenerator[T, None]) -> Iterator[T]:
    """Yield the members of `chunks` as they arrive; call it while a request is handled."""

    async def next_chunk() -> T | None:
        return await anext(chunks, None)

    take, close = app.async_to_sync(next_chunk), app.async_to_sync(chunks.aclose)

    def members() -> Iterator[T]:
        try:
            while (chunk := take()) is not None:
                yield chunk
        finally:
            close()

    return members()
