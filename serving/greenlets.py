"""Let synchronous code wait on the event loop that it runs on, without a thread.

The function runs in a greenlet of its own. When it needs an awaitable's result it switches to
the coroutine that started it, which awaits on its behalf and switches back, as in SQLAlchemy.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class _Worker(greenlet):
    """A greenlet that shares the context variables of the task that starts it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.gr_context = getcurrent().gr_context


async def run_in_greenlet(function: Callable[[], T]) -> T:
    """Call `function`, which may use `wait_for`.

    Its exceptions are raised here. A cancellation of the calling task is raised inside `function`,
    where it waits.
    """
    worker = _Worker(function)
    result = worker.switch()
    while not worker.dead:
        try:
            value = await result
        except BaseException as error:  # noqa: BLE001  # re-raised where the greenlet waits
            result = worker.throw(error)
        else:
            result = worker.switch(value)
    return result  # type: ignore[no-any-return]  # switch() is untyped


def wait_for(awaitable: Awaitable[T]) -> T:
    """Wait for `awaitable` on the event loop of this thread, and return its result.

    Raises RuntimeError outside `run_in_greenlet`, and so in a coroutine, which can await.
    """
    worker = getcurrent()
    if not isinstance(worker, _Worker) or worker.parent is None:
        raise RuntimeError("wait_for() works inside run_in_greenlet() only; a coroutine can await")
    return worker.parent.switch(awaitable)  # type: ignore[no-any-return]  # as above
