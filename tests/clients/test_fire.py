"""Firing a stream of events, against a server that breaks in every way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from outboundsms import AnsweredEvent, Client, OutboundSmsError, connect, fire, trigger_event
from outboundsms import interruption as interruptions
from outboundsms.v1 import triggers_pb2
from tests.clients.scripted import Fire, ScriptedTriggers, fail, scripted_server
from tests.waiting import wait_until

Requests = AsyncIterator[triggers_pb2.FireTriggersRequest]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(interruptions, "LONGEST_DELAY", 0.02)


def event(number: int, **variables: str) -> triggers_pb2.TriggerEvent:
    return trigger_event(
        "PAYMENT_FAILURE", f"event-{number}", account_number="A-1", variables=variables
    )


def events(count: int) -> Iterator[triggers_pb2.TriggerEvent]:
    return (event(number) for number in range(count))


def answer_to(
    request: triggers_pb2.FireTriggersRequest, **errors: int
) -> triggers_pb2.FireTriggersResponse:
    """An answer whose texts are named after their event; `errors` has codes by event key."""
    response = triggers_pb2.FireTriggersResponse()
    for each in request.events:
        answer = response.answers.add()
        if code := errors.get(each.event_key.replace("-", "_")):
            answer.error.code = code
            answer.error.text = "It went wrong."
            continue
        answer.result.outcome = triggers_pb2.FIRE_OUTCOME_FIRED
        answer.result.triggered_messages.add(message_ids=[f"text of {each.event_key}"])
    return response


def answering(
    most: int | None = None,
    *,
    then: grpc.StatusCode = UNAVAILABLE,
    reason: str = "DRAINING",
    **errors: int,
) -> Fire:
    """A script: answers so many requests, all by default, and breaks at the next one."""

    async def script(requests: Requests, context: Any) -> AsyncIterator[Any]:
        left = most
        async for request in requests:
            if left == 0:
                await fail(context, then, reason)
            yield answer_to(request, **errors)
            left = left - 1 if left is not None else None

    return script


async def collect(client: Client, source: fire.Events, **arguments: Any) -> list[AnsweredEvent]:
    async with asyncio.timeout(20):
        return [answered async for answered in client.fire_all(source, **arguments)]


def keys(found: list[AnsweredEvent]) -> list[str]:
    """The event keys; fails where an answer is another event's."""
    for each in found:
        [made] = each.answer.result.triggered_messages
        assert list(made.message_ids) == [f"text of {each.event.event_key}"]
    return [each.event.event_key for each in found]


def fired(stream: list[triggers_pb2.FireTriggersRequest]) -> list[str]:
    return [each.event_key for request in stream for each in request.events]


async def test_every_event_is_answered_in_order_and_in_batches() -> None:
    triggers = ScriptedTriggers(answering())
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        found = await collect(client, events(1_050))
    assert keys(found) == [f"event-{number}" for number in range(1_050)]
    [stream] = triggers.received
    assert max(len(request.events) for request in stream) == 100
    assert len(stream) <= 14


async def test_after_a_break_in_the_middle_what_was_not_answered_is_fired_again() -> None:
    triggers = ScriptedTriggers(answering(3), answering(2), answering())
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        found = await collect(client, events(1_000))
    expected = [f"event-{number}" for number in range(1_000)]
    assert keys(found) == expected
    first, second, third = map(fired, triggers.received)
    answered = [each.event_key for request in triggers.received[0][:3] for each in request.events]
    assert first[: len(answered)] == answered
    assert second[0] == expected[len(answered)]
    assert third[-1] == "event-999"
    assert third[0] == expected[len(answered) + 200]


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
async def test_a_break_that_no_server_explained_is_an_interruption(code: grpc.StatusCode) -> None:
    triggers = ScriptedTriggers(answering(1, then=code, reason=""), answering())
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        assert len(keys(await collect(client, events(300)))) == 300


async def test_a_stream_that_the_server_just_ends_is_opened_again() -> None:
    async def script(requests: Requests, _context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield answer_to(request)
            return

    triggers = ScriptedTriggers(script, answering())
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        assert len(keys(await collect(client, events(300)))) == 300


async def test_an_answer_makes_the_next_interruption_a_first_one() -> None:
    triggers = ScriptedTriggers(answering(1), answering(1), answering(1), answering())
    waits: list[float] = []
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        await collect(client, events(500), on_interruption=lambda _, wait: waits.append(wait))
    assert len(waits) == 3
    assert max(waits) <= interruptions.FIRST_DELAY


async def test_an_event_that_is_refused_has_its_error_and_the_stream_goes_on() -> None:
    triggers = ScriptedTriggers(answering(event_7=3))
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        found = await collect(client, events(150))
    refused = [each for each in found if each.refused]
    assert [each.event.event_key for each in refused] == ["event-7"]
    assert (refused[0].answer.error.code, len(found)) == (3, 150)
    assert len(triggers.received) == 1


async def test_an_event_for_which_the_server_was_unavailable_is_fired_again() -> None:
    triggers = ScriptedTriggers(answering(event_7=14), answering())
    told: list[str] = []
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        found = await collect(
            client, events(150), on_interruption=lambda error, _: told.append(error.details() or "")
        )
    assert keys(found) == [f"event-{number}" for number in range(150)]
    assert fired(triggers.received[1])[0] == "event-7"
    assert told == ["It went wrong."]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "API_KEY_INVALID"),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"),
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_what_does_not_pass_ends_it(code: grpc.StatusCode, reason: str) -> None:
    triggers = ScriptedTriggers(answering(0, then=code, reason=reason))
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        with pytest.raises(OutboundSmsError) as failure:
            await collect(client, events(10))
    assert failure.value.reason == reason
    assert len(triggers.received) == 1


async def test_answers_that_do_not_fit_the_events_are_not_believed() -> None:
    async def script(requests: Requests, _context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield triggers_pb2.FireTriggersResponse()

    async with (
        scripted_server(triggers=ScriptedTriggers(script)) as address,
        connect(address, "key") as client,
    ):
        with pytest.raises(OutboundSmsError) as failure:
            await collect(client, events(10))
    assert failure.value.code() == grpc.StatusCode.DATA_LOSS


async def test_events_that_come_slowly_are_fired_as_they_come() -> None:
    queue: asyncio.Queue[triggers_pb2.TriggerEvent | None] = asyncio.Queue()

    async def source() -> AsyncIterator[triggers_pb2.TriggerEvent]:
        while (each := await queue.get()) is not None:
            yield each

    triggers = ScriptedTriggers(answering(2), answering())
    async with (
        scripted_server(triggers=triggers) as address,
        connect(address, "key") as client,
        asyncio.timeout(10),
        aclosing(client.fire_all(source())) as answers,
    ):
        for number in range(5):
            queue.put_nowait(event(number))
            assert (await anext(answers)).event.event_key == f"event-{number}"
        queue.put_nowait(None)
        with pytest.raises(StopAsyncIteration):
            await anext(answers)
    # The third came when the first stream was over: its request belongs to the second one.
    assert [fired(stream) for stream in triggers.received] == [
        ["event-0", "event-1", "event-2"],
        ["event-2", "event-3", "event-4"],
    ]


async def test_an_event_that_comes_while_the_stream_is_broken_goes_out_on_the_next() -> None:
    queue: asyncio.Queue[triggers_pb2.TriggerEvent] = asyncio.Queue()

    async def source() -> AsyncIterator[triggers_pb2.TriggerEvent]:
        for _ in range(2):
            yield await queue.get()

    async def script(requests: Requests, context: Any) -> AsyncIterator[Any]:
        yield answer_to(await anext(requests))
        await fail(context, UNAVAILABLE, "STREAM_TIME_LIMIT")

    triggers = ScriptedTriggers(script, answering())
    broken = asyncio.Event()
    async with (
        scripted_server(triggers=triggers) as address,
        connect(address, "key") as client,
        asyncio.timeout(10),
        aclosing(client.fire_all(source(), on_interruption=lambda *_: broken.set())) as answers,
    ):
        queue.put_nowait(event(0))
        await anext(answers)
        waiting = asyncio.create_task(anext(answers))
        await broken.wait()
        assert len(triggers.received) == 1
        queue.put_nowait(event(1))
        assert (await waiting).event.event_key == "event-1"
    assert [fired(stream) for stream in triggers.received] == [["event-0"], ["event-1"]]


async def test_the_source_is_read_no_faster_than_the_server_answers() -> None:
    taken = 0

    def source() -> Iterator[triggers_pb2.TriggerEvent]:
        nonlocal taken
        for number in range(5_000):
            taken += 1
            yield event(number)

    go_on = asyncio.Event()

    async def script(requests: Requests, _context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            await go_on.wait()
            yield answer_to(request)

    triggers = ScriptedTriggers(script)
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        collecting = asyncio.create_task(collect(client, source()))
        bound = 100 * (fire.REQUESTS_UNDER_WAY + 2)
        await wait_until(lambda: taken >= bound - 100, 10, "as much as may be is under way")
        await asyncio.sleep(0.1)
        assert taken <= bound
        go_on.set()
        assert len(keys(await collecting)) == 5_000


async def test_large_events_go_out_in_requests_that_the_server_takes() -> None:
    triggers = ScriptedTriggers(answering())
    source = [event(number, NOTE="x" * 50_000) for number in range(200)]
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        assert len(keys(await collect(client, source))) == 200
    sizes = [request.ByteSize() for stream in triggers.received for request in stream]
    assert max(sizes) <= fire.BYTES_IN_A_REQUEST + 1_000


async def test_a_source_that_fails_is_told_when_what_came_before_is_answered() -> None:
    def source() -> Iterator[triggers_pb2.TriggerEvent]:
        yield from events(150)
        raise ValueError("line 151 is not JSON")

    found = []
    async with (
        scripted_server(triggers=ScriptedTriggers(answering())) as address,
        connect(address, "key") as client,
    ):
        with pytest.raises(ValueError, match="line 151"):
            async for answered in client.fire_all(source()):
                found.append(answered)
    assert len(found) == 150


async def test_nothing_to_fire_opens_no_stream() -> None:
    triggers = ScriptedTriggers(answering())
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        assert await collect(client, []) == []
    assert triggers.received == []


async def test_an_abandoned_stream_is_closed_and_its_source_is_left_alone() -> None:
    ended = asyncio.Event()

    async def script(requests: Requests, _context: Any) -> AsyncIterator[Any]:
        try:
            async for request in requests:
                yield answer_to(request)
        finally:
            ended.set()

    async def source() -> AsyncIterator[triggers_pb2.TriggerEvent]:
        yield event(0)
        await asyncio.Event().wait()

    async with (
        scripted_server(triggers=ScriptedTriggers(script)) as address,
        connect(address, "key") as client,
        asyncio.timeout(10),
    ):
        async with aclosing(client.fire_all(source())) as answers:
            await anext(answers)
        await ended.wait()


async def test_one_event_is_repeated_with_its_key_when_the_server_is_stopping() -> None:
    triggers = ScriptedTriggers(answering())
    expires = datetime(2026, 12, 1, 22, tzinfo=UTC)
    async with scripted_server(triggers=triggers) as address, connect(address, "key") as client:
        result = await client.fire(
            "INVOICE_DUE_IN_X_DAYS",
            "invoice 7",
            account_number="A-1",
            count=3,
            variables={"AMOUNT_DUE": "45.10"},
            expire_time=expires,
        )
    assert result.outcome == triggers_pb2.FIRE_OUTCOME_FIRED
    first, second = triggers.fired
    assert first == second
    assert first.event.expire_time.ToDatetime(UTC) == expires
    assert (first.event.count, first.event.account_number) == (3, "A-1")


def test_an_event_without_a_count_or_time_has_none() -> None:
    made = trigger_event("PAYMENT_FAILURE", "key", account_id="0190")
    assert not made.HasField("count")
    assert not made.HasField("expire_time")
    assert made.WhichOneof("account") == "account_id"
    with pytest.raises(ValueError, match="time zone"):
        trigger_event("PAYMENT_FAILURE", "key", expire_time=datetime(2026, 12, 1))
