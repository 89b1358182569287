"""Callers that come at the same time share a batch, and nothing else."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.errors import LimitExceeded, Reason
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.trigger_match import FireOutcome, FireResult, TriggeredOutcome
from outbound_sms.domain.trigger_type import TRIGGER_TYPES
from outbound_sms.domain.trigger_values import TriggerValues
from outbound_sms.services.fire_batch import Answer
from outbound_sms.services.fire_queue import STREAM_REQUESTS, FireQueue
from outbound_sms.store import tenant
from outbound_sms.store.tenant import set_tenant

ONE, OTHER = uuid4(), uuid4()


def events(*names: str) -> list[TriggerEvent]:
    trigger = TRIGGER_TYPES["PAYMENT_SUCCESS"]
    values = TriggerValues({}, None)
    return [TriggerEvent(trigger, None, "1", None, "", name, values, None) for name in names]


class Batches:
    """Fires batches that end when they are told to; the answer of an event is its name."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.tenants: list[UUID | None] = []
        self._ends: list[asyncio.Future[None]] = []

    async def __call__(self, instance_id: UUID, batch: Sequence[TriggerEvent]) -> Sequence[Answer]:
        self.begun.append([event.event_key for event in batch])
        self.tenants.append(tenant._tenant.get())
        self._ends.append(asyncio.get_running_loop().create_future())
        await self._ends[-1]
        return [named(event.event_key) for event in batch]

    def end(self, number: int, error: Exception | None = None) -> None:
        if error is None:
            self._ends[number].set_result(None)
        else:
            self._ends[number].set_exception(error)


def named(name: str) -> FireResult:
    return FireResult((TriggeredOutcome(UUID(int=sum(name.encode())), FireOutcome.FIRED),))


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def batches() -> Batches:
    return Batches()


async def test_a_call_goes_at_once_and_those_that_come_meanwhile_go_together(
    batches: Batches,
) -> None:
    queue = FireQueue(batches)
    calls = [asyncio.create_task(queue.fire(ONE, events("a")))]
    await settle()
    assert batches.begun == [["a"]]
    calls += [asyncio.create_task(queue.fire(ONE, events(*names))) for names in ("bc", "d", "e")]
    await settle()
    assert batches.begun == [["a"]]
    batches.end(0)
    await settle()
    assert batches.begun == [["a"], ["b", "c", "d", "e"]]
    batches.end(1)
    answers = await asyncio.gather(*calls)
    assert answers == [[named(name) for name in names] for names in ("a", "bc", "d", "e")]


async def test_a_call_that_comes_as_the_last_batch_ends_is_not_forgotten(
    batches: Batches,
) -> None:
    queue = FireQueue(batches)

    async def one_after_the_other() -> None:
        await queue.fire(ONE, events("a"))
        await queue.fire(ONE, events("b"))

    calling = asyncio.create_task(one_after_the_other())
    await settle()
    batches.end(0)
    await settle()
    assert batches.begun == [["a"], ["b"]]
    batches.end(1)
    await calling


async def test_a_full_batch_goes_beside_the_one_under_way_and_a_third_waits(
    batches: Batches,
) -> None:
    queue = FireQueue(batches, most_events=3)
    calls = [asyncio.create_task(queue.fire(ONE, events(name))) for name in "a"]
    await settle()
    calls += [asyncio.create_task(queue.fire(ONE, events(name))) for name in "bc"]
    await settle()
    assert batches.begun == [["a"]]
    calls += [asyncio.create_task(queue.fire(ONE, events(name))) for name in "defgh"]
    await settle()
    assert batches.begun == [["a"], ["b", "c", "d"]]
    batches.end(0)
    await settle()
    assert batches.begun[2:] == [["e", "f", "g"]]
    batches.end(2)
    await settle()
    # What is left would not fill a batch, and one is under way.
    assert len(batches.begun) == 3
    batches.end(1)
    await settle()
    assert batches.begun[3:] == [["h"]]
    batches.end(3)
    await asyncio.gather(*calls)


async def test_a_call_is_never_split_and_may_be_larger_than_a_batch(batches: Batches) -> None:
    queue = FireQueue(batches, most_events=3)
    calls = [
        asyncio.create_task(queue.fire(ONE, events(*names))) for names in ("ab", "cd", "efghi")
    ]
    for number in range(3):
        await settle()
        batches.end(number)
    await asyncio.gather(*calls)
    assert batches.begun == [["a", "b"], ["c", "d"], ["e", "f", "g", "h", "i"]]


async def test_no_instance_waits_for_another_and_each_batch_serves_its_own(
    batches: Batches,
) -> None:
    set_tenant(uuid4())
    queue = FireQueue(batches)
    calls = [
        asyncio.create_task(queue.fire(ONE, events("a"))),
        asyncio.create_task(queue.fire(OTHER, events("b"))),
    ]
    await settle()
    assert batches.begun == [["a"], ["b"]]
    assert batches.tenants == [ONE, OTHER]
    batches.end(1)
    assert await calls[1] == [named("b")]
    batches.end(0)
    await calls[0]


async def test_too_many_events_are_refused_until_there_is_room(batches: Batches) -> None:
    queue = FireQueue(batches, most_waiting=3)
    calls = [asyncio.create_task(queue.fire(ONE, events("a")))]
    await settle()
    calls.append(asyncio.create_task(queue.fire(ONE, events("b", "c"))))
    await settle()
    with pytest.raises(LimitExceeded) as caught:
        await queue.fire(ONE, events("d", "e"))
    assert (caught.value.reason, caught.value.retry_after) == (Reason.LIMIT_EXCEEDED, 1.0)
    calls.append(asyncio.create_task(queue.fire(ONE, events("f"))))
    batches.end(0)
    await settle()
    calls.append(asyncio.create_task(queue.fire(ONE, events("d", "e"))))
    await settle()
    batches.end(1)
    await settle()
    batches.end(2)
    await asyncio.gather(*calls)
    assert batches.begun == [["a"], ["b", "c", "f"], ["d", "e"]]


async def test_callers_that_have_left_are_not_fired_for_and_take_nobody_along(
    batches: Batches,
) -> None:
    queue = FireQueue(batches)
    calls = [asyncio.create_task(queue.fire(ONE, events(name))) for name in "a"]
    await settle()
    calls += [asyncio.create_task(queue.fire(ONE, events(name))) for name in "bcd"]
    await settle()
    calls[0].cancel()
    calls[2].cancel()
    await settle()
    batches.end(0)
    await settle()
    assert batches.begun == [["a"], ["b", "d"]]
    calls[1].cancel()
    await settle()
    batches.end(1)
    assert await calls[3] == [named("d")]
    assert [call.cancelled() for call in calls] == [True, True, True, False]


async def test_a_batch_that_fails_fails_its_callers_and_no_others(batches: Batches) -> None:
    queue = FireQueue(batches)
    calls = [asyncio.create_task(queue.fire(ONE, events(name))) for name in "a"]
    await settle()
    calls += [asyncio.create_task(queue.fire(ONE, events(name))) for name in "bcd"]
    await settle()
    calls[3].cancel()
    batches.end(0)
    await settle()
    late = asyncio.create_task(queue.fire(ONE, events("e")))
    await settle()
    batches.end(1, ConnectionError("gone"))
    await settle()
    batches.end(2)
    assert await calls[0] == [named("a")]
    failures = await asyncio.gather(*calls[1:], return_exceptions=True)
    assert [type(failure) for failure in failures] == [
        ConnectionError,
        ConnectionError,
        asyncio.CancelledError,
    ]
    assert await late == [named("e")]


async def test_streams_wait_for_their_turn_and_single_calls_pass_them(batches: Batches) -> None:
    queue = FireQueue(batches, most_events=1)
    streams = [
        asyncio.create_task(queue.fire_in_turn(ONE, events(str(number))))
        for number in range(STREAM_REQUESTS + 5)
    ]
    await settle()
    single = asyncio.create_task(queue.fire(ONE, events("single")))
    number = 0
    while not single.done():
        await settle()
        batches.end(number)
        number += 1
        await settle()
    done = sum(stream.done() for stream in streams)
    assert STREAM_REQUESTS - 2 <= done <= STREAM_REQUESTS
    while not all(stream.done() for stream in streams):
        batches.end(number)
        number += 1
        await settle()
    assert [name for [name] in batches.begun if name != "single"] == [
        str(number) for number in range(STREAM_REQUESTS + 5)
    ]
