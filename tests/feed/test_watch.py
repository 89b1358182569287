"""Streams: from the database and from memory, resumed, slow, filtered, drained, overtaken."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.errors import OutOfRange, Reason, Unavailable
from outbound_sms.feed import retention
from outbound_sms.feed.feed import Feed
from outbound_sms.feed.stream import Start, WatchRequest
from outbound_sms.store.pool import Pool
from tests.feed.reader import read_all, read_until, reading
from tests.feed.validators import Recording
from tests.feed.writer import Crowd, add_messages, change
from tests.waiting import wait_until

STREAMS = int(os.environ.get("FEED_STREAMS", "150"))


def oldest(instance_id: UUID, **more: object) -> WatchRequest:
    return WatchRequest(instance_id, start=Start.OLDEST, **more)  # type: ignore[arg-type]


async def write_some(pool: Pool, crowd: Crowd, transactions: int, seed: int = 1) -> None:
    chance = random.Random(seed)
    async with pool.acquire() as connection:
        for _ in range(transactions):
            await crowd.write(connection, chance)


async def events_of(pool: Pool, instance_id: UUID) -> int:
    count: int = await pool.fetchval(
        "SELECT count(*) FROM status_event WHERE instance_id = $1", instance_id
    )
    return count


def _at_least(batches: int) -> Callable[[Recording], bool]:
    return lambda recording: len(recording.batches) >= batches


async def test_a_stream_from_the_oldest_event_tells_everything_and_then_what_is_new(
    pool: Pool, feed: Feed
) -> None:
    instance = uuid4()
    messages = await add_messages(pool, instance, None, 250)
    async with reading(feed, oldest(instance)) as recording:
        await wait_until(lambda: len(recording.events) == 250)
        await change(pool, messages, 2)
        await wait_until(lambda: len(recording.events) == 500)
    assert await recording.check(pool) == 500


async def test_a_stream_from_now_starts_with_a_bookmark_and_without_the_past(
    pool: Pool, feed: Feed
) -> None:
    instance = uuid4()
    messages = await add_messages(pool, instance, None, 3)
    await wait_until(lambda: pool.fetchval("SELECT max(pos) FROM feed"))
    async with reading(feed, WatchRequest(instance)) as recording:
        await wait_until(lambda: recording.batches)
        assert recording.batches[0].events is None
        await change(pool, messages, 2)
        await wait_until(lambda: recording.events)
    assert recording.events == [(str(message), 2) for message in messages]


async def test_small_rows_come_together_when_a_stream_catches_up(pool: Pool, feed: Feed) -> None:
    instance = uuid4()
    for _ in range(30):
        await add_messages(pool, instance, None, 1)
        await pool.fetchval("SELECT feed_tick_once()")
    recording = await read_all(feed, oldest(instance), 30)
    assert len([batch for batch in recording.batches if batch.events]) < 5
    assert await recording.check(pool) == 30


async def test_a_stream_that_breaks_anywhere_resumes_from_its_cursor(
    pool: Pool, feed: Feed
) -> None:
    """Many streams, each cut off after a random number of answers, under load."""
    crowd = Crowd()
    await crowd.fill(pool)
    instance = crowd.instances[0]
    recording = Recording(instance, 0)
    chance = random.Random(5)
    writing = asyncio.create_task(write_some(pool, crowd, 500))
    streams = 0
    async with asyncio.timeout(60):
        while (
            streams < STREAMS
            or not writing.done()
            or len(recording.events) < await events_of(pool, instance)
        ):
            if recording.batches and chance.random() < 0.3:
                # It was on its way when the connection broke.
                recording.batches.pop()
            cursor = recording.batches[-1].cursor if recording.batches else ""
            request = oldest(instance, cursor=cursor, bookmark_every=0.02)
            wanted = len(recording.batches) + chance.randint(1, 4)
            await read_until(feed, request, recording, _at_least(wanted))
            streams += 1
    await writing
    assert await recording.check(pool) == await events_of(pool, instance)


async def test_a_slow_reader_gets_everything_although_memory_forgot_it(
    pool: Pool, drain: asyncio.Event
) -> None:
    crowd = Crowd()
    await crowd.fill(pool, each=40)
    instance = crowd.instances[1]
    small = Feed(pool, b"k" * 32, drain)
    small.hub.most_events = 50
    async with small:
        async with reading(small, oldest(instance), pause=0.1) as slow:
            await write_some(pool, crowd, 300)
            total = await events_of(pool, instance)
            await wait_until(lambda: len(slow.events) >= total, timeout=30)
        assert await slow.check(pool) == total


async def test_a_filter_lets_only_events_of_its_mass_message_through(
    pool: Pool, feed: Feed
) -> None:
    instance, wanted, other = uuid4(), uuid4(), uuid4()
    await add_messages(pool, instance, other, 150)
    messages = await add_messages(pool, instance, wanted, 20)
    request = oldest(instance, mass_message_id=wanted, bookmark_every=0.2)
    async with reading(feed, request) as recording:
        await wait_until(lambda: len(recording.events) == 20)
        await add_messages(pool, instance, other, 5, first=500)
        head = await wait_until(
            lambda: pool.fetchval("SELECT max(pos) FROM feed WHERE cardinality(seqs) = 5")
        )
        await change(pool, messages, 2)
        await wait_until(lambda: len(recording.events) == 40)
        await wait_until(lambda: recording.pos > head)
    assert await recording.check(pool) == 40


async def test_bookmarks_come_while_nothing_happens_and_move_on(pool: Pool, feed: Feed) -> None:
    instance = uuid4()
    async with reading(feed, WatchRequest(instance, bookmark_every=0.05)) as recording:
        await wait_until(lambda: len(recording.batches) >= 4)
        await add_messages(pool, uuid4(), None, 1)
        head = await wait_until(lambda: pool.fetchval("SELECT max(pos) FROM feed"))
        await wait_until(lambda: recording.pos >= head)
    assert all(batch.events is None for batch in recording.batches)


async def test_bookmarks_under_load_cover_exactly_what_was_told(pool: Pool, feed: Feed) -> None:
    crowd = Crowd()
    await crowd.fill(pool)
    instance = crowd.instances[2]
    async with reading(feed, oldest(instance, bookmark_every=0.002)) as recording:
        await write_some(pool, crowd, 150)
        total = await events_of(pool, instance)
        await wait_until(lambda: len(recording.events) >= total)
    assert any(batch.events is None for batch in recording.batches)
    assert await recording.check(pool) == total


async def test_draining_ends_streams_at_once_with_a_last_bookmark(
    pool: Pool, feed: Feed, drain: asyncio.Event
) -> None:
    instance = uuid4()
    recording = Recording(instance, 0)
    reader = asyncio.create_task(
        read_until(feed, WatchRequest(instance), recording, lambda _: False)
    )
    await wait_until(lambda: recording.batches)
    began = time.monotonic()
    drain.set()
    with pytest.raises(Unavailable) as ended:
        await reader
    assert time.monotonic() - began < 1.0
    assert ended.value.reason is Reason.DRAINING
    assert recording.batches[-1].events is None
    assert len(recording.batches) == 2


async def test_a_drain_in_the_middle_of_a_page_bookmarks_only_what_was_sent(
    pool: Pool, feed: Feed, drain: asyncio.Event
) -> None:
    instance = uuid4()
    await add_messages(pool, instance, None, 1_000)
    await wait_until(lambda: pool.fetchval("SELECT count(*) = 10 FROM feed"))
    recording = Recording(instance, 0)
    with pytest.raises(Unavailable):
        async with aclosing(feed.watcher.watch(oldest(instance))) as batches:
            async for batch in batches:
                recording.batches.append(batch)
                if batch.events is not None:
                    drain.set()
    assert await recording.check(pool) == 100


async def test_a_stream_that_retention_overtakes_is_told_so(pool: Pool, feed: Feed) -> None:
    """Never a silent gap: neither for a cursor that is too old nor for a stream in progress."""
    instance = uuid4()
    await add_messages(pool, instance, None, 30_000)
    await wait_until(lambda: pool.fetchval("SELECT count(*) = 300 FROM feed"))
    async with aclosing(feed.watcher.watch(oldest(instance))) as batches:
        first = await anext(batches)
        await add_messages(pool, instance, None, 1)
        await wait_until(lambda: pool.fetchval("SELECT count(*) = 301 FROM feed"))
        await retention.expire(pool, timedelta(0))
        assert await pool.fetchval("SELECT count(*) FROM feed") == 1
        with pytest.raises(OutOfRange) as overtaken:
            async for _ in batches:
                pass
    assert overtaken.value.reason is Reason.CURSOR_EXPIRED
    with pytest.raises(OutOfRange):
        await read_all(feed, WatchRequest(instance, cursor=first.cursor), 1)
    oldest_cursor = overtaken.value.metadata["oldest_cursor"]
    await add_messages(pool, instance, None, 1)
    again = await read_all(feed, WatchRequest(instance, cursor=oldest_cursor), 1)
    assert len(again.events) == 1


async def test_another_instances_events_never_come(pool: Pool, feed: Feed) -> None:
    mine, theirs = uuid4(), uuid4()
    async with reading(feed, oldest(mine)) as recording:
        await add_messages(pool, theirs, None, 10)
        [message] = await add_messages(pool, mine, None, 1)
        await wait_until(lambda: recording.events)
    assert recording.events == [(str(message), 1)]


async def test_events_reach_a_stream_within_milliseconds_of_their_commit(
    pool: Pool, feed: Feed
) -> None:
    instance = uuid4()
    async with reading(feed, WatchRequest(instance)) as recording:
        await wait_until(lambda: recording.batches)
        lags = []
        for n in range(1, 41):
            await add_messages(pool, instance, None, 1)
            committed = time.monotonic()
            await wait_until(lambda n=n: len(recording.events) == n)  # type: ignore[misc]
            lags.append(time.monotonic() - committed)
    assert sorted(lags)[20] < 0.1


async def test_nothing_of_a_stream_stays_when_it_ends(pool: Pool, feed: Feed) -> None:
    instance = uuid4()
    async with reading(feed, WatchRequest(instance)) as recording:
        await wait_until(lambda: recording.batches)
        assert list(feed.hub.watched) == [instance]
    assert not feed.hub.watched
