"""Streams whose requests are worked on together, and answered in their order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from outbound_sms.rpc.open_streams import draining

Request = TypeVar("Request")
Response = TypeVar("Response")

_END = object()


async def answer_in_order(
    requests: AsyncIterator[Request],
    answer: Callable[[Request], Coroutine[Any, Any, Response]],
    *,
    most: int,
    drain: asyncio.Event,
) -> AsyncGenerator[Response, None]:
    """The answer to each request, in order, with up to `most` requests worked on together.

    No more than those are read: flow control then holds the caller back. A request that cannot be
    read, or whose answer raises, ends the stream as soon as those before it are answered; `drain`
    does so with Unavailable (DRAINING) after the answers to all that were read.
    """
    under_way: deque[asyncio.Future[Response]] = deque()
    reading: asyncio.Task[Any] | None = None
    stopping = asyncio.create_task(drain.wait())
    over = False
    try:
        while under_way or not over:
            if reading is None and not over and len(under_way) < most:
                reading = asyncio.create_task(_read(requests))
            await _wait_for_any(*([] if over else [reading, stopping]), *list(under_way)[:1])
            if not over and reading is not None and reading.done():
                if reading.exception() is not None:
                    over = True
                    under_way.append(reading)
                elif reading.result() is _END:
                    over = True
                else:
                    under_way.append(asyncio.create_task(answer(reading.result())))
                reading = None
            if not over and stopping.done():
                over = True
                under_way.append(_failed(draining()))
            while under_way and under_way[0].done():
                yield under_way.popleft().result()
    finally:
        left = [each for each in (stopping, reading, *under_way) if each is not None]
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _read(requests: AsyncIterator[Any]) -> Any:
    return await anext(requests, _END)


async def _wait_for_any(*futures: "asyncio.Future[Any] | None") -> None:
    wanted = [each for each in futures if each is not None]
    await asyncio.wait(wanted, return_when=asyncio.FIRST_COMPLETED)


def _failed(error: Exception) -> "asyncio.Future[Any]":
    future = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future
