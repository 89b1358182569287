"""Requests of a stream that are worked on together and answered in order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from outbound_sms.domain.errors import InvalidRequest, Reason, Unavailable
from outbound_sms.services.ordered_answers import answer_in_order

MOST = 3


class Caller:
    """Sends numbers, and works on each until it is told to finish; the answer is its double."""

    def __init__(self, count: int, *, broken_after: int | None = None) -> None:
        self.read = 0
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.drain = asyncio.Event()
        self._count = count
        self._broken_after = broken_after
        self._ends = [asyncio.Event() for _ in range(count)]

    async def requests(self) -> AsyncIterator[int]:
        for number in range(self._count):
            if number == self._broken_after:
                raise InvalidRequest.of("request", "cannot be read")
            self.read += 1
            yield number

    async def answer(self, number: int) -> int:
        self.begun.append(number)
        try:
            await self._ends[number].wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        if number == 13:
            raise InvalidRequest.of("events", "has 0 elements")
        return 2 * number

    def finish(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number].set()

    def answers(self) -> AsyncGenerator[int, None]:
        return answer_in_order(self.requests(), self.answer, most=MOST, drain=self.drain)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def collect(answers: AsyncGenerator[int, None], found: list[int]) -> None:
    async with aclosing(answers) as opened:
        async for each in opened:
            found.append(each)


async def test_answers_come_in_order_however_the_work_ends() -> None:
    caller, found = Caller(6), list[int]()
    reading = asyncio.create_task(collect(caller.answers(), found))
    await settle()
    assert caller.begun == [0, 1, 2]
    caller.finish(2, 1)
    await settle()
    assert found == []
    caller.finish(0)
    await settle()
    assert found == [0, 2, 4]
    caller.finish(3, 4, 5)
    await reading
    assert found == [0, 2, 4, 6, 8, 10]


async def test_no_more_is_read_than_is_worked_on() -> None:
    caller, found = Caller(50), list[int]()
    reading = asyncio.create_task(collect(caller.answers(), found))
    await settle()
    assert (caller.read, caller.begun) == (MOST, [0, 1, 2])
    caller.finish(0)
    await settle()
    assert caller.read == MOST + 1
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_answers_that_nobody_takes_stop_the_reading() -> None:
    caller = Caller(50)
    caller.finish(*range(50))
    async with aclosing(caller.answers()) as answers:
        assert await anext(answers) == 0
        await settle()
        assert caller.read <= MOST + 1


async def test_a_request_that_cannot_be_read_ends_the_stream_after_those_before_it() -> None:
    caller, found = Caller(9, broken_after=2), list[int]()
    reading = asyncio.create_task(collect(caller.answers(), found))
    await settle()
    assert not reading.done()
    caller.finish(0, 1)
    with pytest.raises(InvalidRequest):
        await reading
    assert found == [0, 2]


async def test_an_answer_that_fails_ends_the_stream_after_those_before_it() -> None:
    caller, found = Caller(30), list[int]()
    caller.finish(*range(14))
    with pytest.raises(InvalidRequest):
        await collect(caller.answers(), found)
    assert found == [2 * number for number in range(13)]
    # Those behind it had begun; they are given up.
    assert caller.cancelled == [number for number in caller.begun if number > 13]


async def test_a_drain_ends_the_stream_once_all_that_were_read_are_answered() -> None:
    caller, found = Caller(30), list[int]()
    reading = asyncio.create_task(collect(caller.answers(), found))
    await settle()
    caller.drain.set()
    caller.finish(0)
    await settle()
    assert (found, caller.read, reading.done()) == ([0], MOST, False)
    caller.finish(1, 2)
    with pytest.raises(Unavailable) as caught:
        await reading
    assert caught.value.reason is Reason.DRAINING
    assert found == [0, 2, 4]


async def test_a_drain_ends_a_stream_that_sends_nothing() -> None:
    drain = asyncio.Event()

    async def silent() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 0

    caller = Caller(0)
    answers = answer_in_order(silent(), caller.answer, most=MOST, drain=drain)
    reading = asyncio.create_task(collect(answers, []))
    await settle()
    drain.set()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(reading, 1)


async def test_a_caller_that_leaves_takes_its_work_along() -> None:
    caller, found = Caller(30), list[int]()
    reading = asyncio.create_task(collect(caller.answers(), found))
    await settle()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert caller.cancelled == [0, 1, 2]
