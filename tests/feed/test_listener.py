"""Losing what the feed hears by, or all of the database, for a while."""

import asyncio
import time
from uuid import UUID, uuid4

import pytest

from outbound_sms.feed.feed import Feed, end
from outbound_sms.feed.listener import Listener
from outbound_sms.feed.stream import Start, WatchRequest
from outbound_sms.feed.tailer import Tailer
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.pool import DATABASE_FAILURES, Pool, open_pool
from tests.feed.conftest import KEY
from tests.feed.reader import reading
from tests.feed.writer import add_messages
from tests.waiting import wait_until

_LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)


_ANOTHER = f"{_LISTENERS} AND pid <> $1"


async def test_a_killed_listening_connection_is_replaced(pool: Pool) -> None:
    heard: list[float] = []
    listener = asyncio.create_task(Listener(pool, lambda: heard.append(time.monotonic())).run())
    try:
        [first] = await wait_until(lambda: pool.fetch(_LISTENERS))
        await pool.fetchval("SELECT pg_terminate_backend($1)", first["pid"])
        await wait_until(lambda: pool.fetchval(_ANOTHER, first["pid"]), timeout=5)
        count = len(heard)
        await pool.execute("NOTIFY feed")
        await wait_until(lambda: len(heard) > count)
    finally:
        await end([listener])


async def test_streams_go_on_by_polling_when_no_notification_comes(
    pool: Pool, drain: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process ticks, and this one hears of nothing."""
    monkeypatch.setattr(Tailer, "wake", lambda _: None)
    instance = uuid4()
    async with (
        Feed(pool, KEY, drain) as deaf,
        reading(deaf, WatchRequest(instance, start=Start.OLDEST)) as recording,
    ):
        await wait_until(lambda: deaf.hub.head is not None)
        await wait_until(lambda: recording.batches)
        for n in range(1, 4):
            await add_messages(pool, instance, None, 1)
            committed = time.monotonic()
            await wait_until(lambda n=n: len(recording.events) == n)  # type: ignore[misc]
            assert time.monotonic() - committed <= 1.5


async def test_streams_outlive_a_restart_of_the_database(
    fresh_cluster: EmbeddedPostgres, drain: asyncio.Event
) -> None:
    pool = await open_pool(fresh_cluster.dsn(), min_size=0, max_size=8, application_name="tests")
    instance = uuid4()
    request = WatchRequest(instance, start=Start.OLDEST)
    try:
        async with Feed(pool, KEY, drain) as running, reading(running, request) as recording:
            await add_messages(pool, instance, None, 5)
            await wait_until(lambda: len(recording.events) == 5)
            await fresh_cluster.kill()
            await fresh_cluster.start()
            await wait_until(lambda: _try_to_add(pool, instance))
            await wait_until(lambda: len(recording.events) == 6)
            assert running.trouble() is None
            assert await recording.check(pool) == 6
    finally:
        pool.terminate()


async def _try_to_add(pool: Pool, instance: UUID) -> bool:
    try:
        await add_messages(pool, instance, None, 1)
    except DATABASE_FAILURES:
        return False
    return True


async def test_a_feed_says_what_keeps_it_from_being_ready(pool: Pool, drain: asyncio.Event) -> None:
    feed = Feed(pool, KEY, drain)
    assert feed.trouble() == "the feed has not started"
    async with feed:
        await wait_until(lambda: feed.hub.epochs)
        assert feed.trouble() is None
        await pool.execute(
            "INSERT INTO feed_tick (snap, last_pos) VALUES ('900000000:900000000:', 0)"
        )
        assert "rebase" in str(await wait_until(feed.trouble))
