"""The resumable watch, against a server that breaks in every way."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from outboundsms import Client, OutboundSmsError, Start, connect
from outboundsms import interruption as interruptions
from outboundsms.v1 import delivery_pb2
from tests.clients.scripted import ScriptedDelivery, answer, scripted_server, stream
from tests.waiting import wait_until

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(interruptions, "LONGEST_DELAY", 0.02)


async def collect(
    client: Client, count: int, **arguments: object
) -> tuple[list[tuple[str, int]], str]:
    """The first events of a watch, and its cursor after the last one was handled."""
    found = []
    async with (
        asyncio.timeout(10),
        client.watch_messages(**arguments) as watch,  # type: ignore[arg-type]
    ):
        async for event in watch:
            found.append((event.message_id, event.version))
            if len(found) == count:
                break
        return found, watch.cursor


async def test_a_broken_stream_goes_on_at_its_last_cursor() -> None:
    delivery = ScriptedDelivery(
        stream(answer("c1", ("a", 1)), answer("c2", ("b", 1)), then=UNAVAILABLE, reason="DRAINING"),
        stream(answer("c3", ("a", 2))),
    )
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        found, _ = await collect(client, 3)
    assert found == [("a", 1), ("b", 1), ("a", 2)]
    assert [request.cursor for request in delivery.requests] == ["", "c2"]
    assert delivery.requests[0].start == delivery_pb2.WATCH_START_NOW
    assert delivery.requests[1].start == delivery_pb2.WATCH_START_UNSPECIFIED


async def test_what_comes_a_second_time_at_the_seam_is_left_out() -> None:
    delivery = ScriptedDelivery(
        stream(answer("c1", ("a", 1), ("a", 2), ("b", 1)), then=UNAVAILABLE),
        stream(answer("c2", ("a", 2), ("b", 1), ("b", 2), ("c", 1))),
    )
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        found, _ = await collect(client, 5)
    assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("c", 1)]


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
async def test_a_break_that_no_server_explained_is_an_interruption(code: grpc.StatusCode) -> None:
    delivery = ScriptedDelivery(
        stream(answer("c1", ("a", 1)), then=code), stream(answer("c2", ("a", 2)))
    )
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        found, _ = await collect(client, 2)
    assert found == [("a", 1), ("a", 2)]


async def test_a_stream_that_just_ends_is_opened_again() -> None:
    delivery = ScriptedDelivery(
        stream(answer("c1", ("a", 1)), then=grpc.StatusCode.OK), stream(answer("c2", ("a", 2)))
    )
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        found, _ = await collect(client, 2)
    assert found == [("a", 1), ("a", 2)]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
        (grpc.StatusCode.UNAUTHENTICATED, "API_KEY_INVALID"),
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID"),
    ],
)
async def test_what_does_not_pass_ends_the_watch(code: grpc.StatusCode, reason: str) -> None:
    delivery = ScriptedDelivery(stream(then=code, reason=reason))
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        with pytest.raises(OutboundSmsError) as failure:
            await collect(client, 1, cursor="old")
    assert failure.value.reason == reason
    assert len(delivery.requests) == 1


async def test_a_cursor_is_saved_when_everything_before_it_was_handled() -> None:
    delivery = ScriptedDelivery(
        stream(answer("c1", ("a", 1), ("b", 1)), answer("c2", ("a", 2)), answer("c3"))
    )
    saved: list[tuple[str, int]] = []
    handled = 0

    async def save(cursor: str) -> None:
        saved.append((cursor, handled))

    async with (
        scripted_server(delivery=delivery) as address,
        connect(address, "key") as client,
        asyncio.timeout(10),
        client.watch_messages(start=Start.OLDEST, save_cursor=save) as watch,
    ):
        async for event in watch:
            assert (event.message_id, event.version) not in saved
            handled += 1
            if handled == 3:
                break
    # The cursor of the last event is not saved: the loop never asked for the next one.
    assert saved == [("c1", 2)]
    assert delivery.requests[0].start == delivery_pb2.WATCH_START_OLDEST


async def test_interruptions_are_told_with_the_time_to_the_next_try() -> None:
    delivery = ScriptedDelivery(
        stream(then=UNAVAILABLE, reason="DRAINING"), stream(answer("c1", ("a", 1)))
    )
    told: list[tuple[str, float]] = []
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        await collect(
            client, 1, on_interruption=lambda error, wait: told.append((error.reason, wait))
        )
    assert [reason for reason, _ in told] == ["DRAINING"]
    assert 0 < told[0][1] <= 0.02


async def test_an_abandoned_watch_leaves_no_stream_open() -> None:
    ended = asyncio.Event()

    async def script(_request: object, _context: object) -> AsyncIterator[object]:
        try:
            yield answer("c1", ("a", 1))
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with (
        scripted_server(delivery=ScriptedDelivery(script)) as address,
        connect(address, "key") as client,
    ):
        await collect(client, 1)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_closing_ends_the_iteration_of_whoever_waits() -> None:
    delivery = ScriptedDelivery(stream(answer("c1")))
    async with scripted_server(delivery=delivery) as address, connect(address, "key") as client:
        watch = client.watch_messages()
        waiting = asyncio.create_task(anext(watch))
        await wait_until(lambda: delivery.requests, 5, "the stream is open")
        async with asyncio.timeout(5):
            await watch.aclose()
            with pytest.raises(StopAsyncIteration):
                await waiting


async def test_waits_grow_and_then_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.2)
    monkeypatch.setattr(interruptions, "LONGEST_DELAY", 10.0)
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    backoff = interruptions.Backoff(None)
    for _ in range(9):
        await backoff.wait_after(OutboundSmsError(UNAVAILABLE))
    limits = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
