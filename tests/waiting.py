"""Waiting for something to become true, with a bound: the only way in which tests wait."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

Answer = TypeVar("Answer")


@overload
async def wait_until(
    condition: Callable[[], Coroutine[Any, Any, Answer]],
    timeout: float = ...,  # noqa: ASYNC109
    describe: str = ...,
) -> Answer: ...


@overload
async def wait_until(
    condition: Callable[[], Answer],
    timeout: float = ...,  # noqa: ASYNC109
    describe: str = ...,
) -> Answer: ...


async def wait_until(
    condition: Callable[[], Any],
    timeout: float = 10.0,  # noqa: ASYNC109
    describe: str = "the condition",
) -> Any:
    """Asks every 10 ms until the answer is true, and returns that answer.

    `condition` may be a plain or an async function. Raises AssertionError with `describe` and the
    last answer when `timeout` seconds have passed.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{describe}: not within {timeout:g} s; last answer {answer!r}")
        await asyncio.sleep(0.01)
