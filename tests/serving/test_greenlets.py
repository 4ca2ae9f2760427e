"""Waiting on the event loop from synchronous code."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from serving.greenlets import run_in_greenlet, wait_for

COLOUR = ContextVar("COLOUR", default="none")


async def failure(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def test_returns_what_the_function_returns() -> None:
    assert await run_in_greenlet(lambda: "value") == "value"
    # Coverage loses its place when a Python function ends in another greenlet, not with a type.
    assert await run_in_greenlet(dict) == {}


async def test_waits_as_often_as_it_is_asked_to() -> None:
    questions: asyncio.Queue[str] = asyncio.Queue()
    answers: asyncio.Queue[int] = asyncio.Queue()

    async def ask(question: str) -> int:
        questions.put_nowait(question)
        return await answers.get()

    def function() -> list[int]:
        return [wait_for(ask("first")), wait_for(ask("second"))]

    task = asyncio.create_task(run_in_greenlet(function))
    assert await questions.get() == "first"
    answers.put_nowait(1)
    assert await questions.get() == "second"
    assert not task.done()
    answers.put_nowait(2)
    assert await task == [1, 2]


async def test_many_functions_wait_side_by_side() -> None:
    barrier = asyncio.Barrier(100)
    tasks = [run_in_greenlet(lambda: wait_for(barrier.wait())) for _ in range(100)]
    assert sorted(await asyncio.gather(*tasks)) == list(range(100))


async def test_raises_what_the_function_raises() -> None:
    def function() -> None:
        raise KeyError("colour")

    with pytest.raises(KeyError, match="colour"):
        await run_in_greenlet(function)


@pytest.mark.parametrize("error", [KeyError("colour"), StopAsyncIteration(), SystemError()])
async def test_raises_an_awaitables_exception_where_it_is_waited_for(error: Exception) -> None:
    def function() -> Any:
        try:
            wait_for(failure(error))
        except type(error) as caught:
            return caught

    assert await run_in_greenlet(function) is error


async def test_cancelling_the_task_cancels_the_function_where_it_waits() -> None:
    started, steps = asyncio.Event(), []

    async def never() -> None:
        started.set()
        await asyncio.Event().wait()

    def function() -> None:
        try:
            wait_for(never())
        finally:
            wait_for(asyncio.sleep(0))
            steps.append("cleaned up")

    task = asyncio.create_task(run_in_greenlet(function))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["cleaned up"]


async def test_a_function_may_outlive_a_cancellation() -> None:
    started = asyncio.Event()

    async def never() -> None:
        started.set()
        await asyncio.Event().wait()

    def function() -> str:
        try:
            wait_for(never())
        except asyncio.CancelledError:
            return "went on"
        raise AssertionError

    task = asyncio.create_task(run_in_greenlet(function))
    await started.wait()
    task.cancel()
    assert await task == "went on"


async def test_refuses_to_wait_elsewhere() -> None:
    done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    done.set_result("done")

    async def coroutine() -> None:
        wait_for(done)

    with pytest.raises(RuntimeError, match="run_in_greenlet"):
        wait_for(done)
    with pytest.raises(RuntimeError, match="a coroutine can await"):
        await run_in_greenlet(lambda: wait_for(coroutine()))
    assert await run_in_greenlet(lambda: wait_for(done)) == "done"


async def test_refuses_to_wait_in_another_thread() -> None:
    errors: list[BaseException] = []

    def function() -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def elsewhere() -> None:
            try:
                wait_for(done)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    await run_in_greenlet(function)
    assert len(errors) == 1


async def test_shares_the_context_variables_of_its_task() -> None:
    seen = []

    async def coroutine() -> None:
        seen.append(COLOUR.get())
        COLOUR.set("set in a coroutine")

    def function() -> None:
        seen.append(COLOUR.get())
        COLOUR.set("set in the function")
        wait_for(coroutine())
        seen.append(COLOUR.get())

    COLOUR.set("set outside")
    await run_in_greenlet(function)
    assert seen == ["set outside", "set in the function", "set in a coroutine"]
    assert COLOUR.get() == "set in a coroutine"


async def test_keeps_the_context_variables_of_others_apart() -> None:
    barrier = asyncio.Barrier(50)

    def function(colour: str) -> str:
        COLOUR.set(colour)
        wait_for(barrier.wait())
        return COLOUR.get()

    colours = [str(n) for n in range(50)]
    tasks = [asyncio.create_task(run_in_greenlet(lambda c=c: function(c))) for c in colours]  # type: ignore[misc]  # mypy can't infer a lambda's default
    assert await asyncio.gather(*tasks) == colours
    assert COLOUR.get() == "none"
