"""Retention deletes what is old, says so first, and keeps what others need."""

from datetime import timedelta
from uuid import uuid4

from outbound_sms.feed import retention
from outbound_sms.store import feed
from outbound_sms.store.pool import Pool
from tests.feed.writer import add_messages

WEEK = timedelta(days=7)


async def add_ticks(pool: Pool, ages: list[timedelta]) -> None:
    """One event and one tick for each age, oldest first."""
    instance = uuid4()
    for age in ages:
        await add_messages(pool, instance, None, 1)
        await pool.fetchval("SELECT feed_tick_once()")
        await pool.execute(
            "UPDATE feed_tick SET tick_time = now() - $1::interval "
            "WHERE tick = (SELECT max(tick) FROM feed_tick)",
            age,
        )
    await pool.execute(
        "UPDATE feed_tick SET tick_time = now() - $1::interval WHERE tick = 1", max(ages)
    )


async def test_rows_older_than_the_span_go_and_the_horizon_says_so(pool: Pool) -> None:
    days = [timedelta(days=n) for n in (9, 8, 6, 0)]
    await add_ticks(pool, days)
    assert await retention.expire(pool, WEEK) == 2
    assert [row["pos"] for row in await pool.fetch("SELECT pos FROM feed ORDER BY pos")] == [3, 4]
    edges = await feed.read_edges(pool)
    assert (edges.horizon, edges.head) == (2, 4)
    assert await retention.expire(pool, WEEK) == 0


async def test_an_idle_feed_keeps_its_newest_row_and_its_head(pool: Pool) -> None:
    await add_ticks(pool, [timedelta(days=30), timedelta(days=20)])
    assert await retention.expire(pool, WEEK) == 1
    edges = await feed.read_edges(pool)
    assert (edges.horizon, edges.head) == (2, 2)
    assert await pool.fetchval("SELECT count(*) FROM feed") == 1
    await add_ticks(pool, [timedelta(0)])
    assert (await feed.read_edges(pool)).head == 3


async def test_nothing_goes_before_its_time(pool: Pool) -> None:
    await add_ticks(pool, [timedelta(days=n) for n in (6, 5, 1)])
    assert await retention.expire(pool, WEEK) == 0
    assert (await feed.read_edges(pool)).horizon == 0


async def test_old_ticks_are_thinned_to_one_an_hour(pool: Pool) -> None:
    minutes = [*range(600, 300, -10), *range(9, 0, -1)]
    await add_ticks(pool, [timedelta(minutes=n) for n in minutes])
    await retention.expire(pool, WEEK)
    kept = await pool.fetchval(
        "SELECT count(*) FROM feed_tick WHERE tick_time < now() - interval '5 h'"
    )
    assert 5 <= kept <= 7
    edges = await feed.read_edges(pool)
    assert (edges.horizon, edges.head) == (0, len(minutes))
    assert await pool.fetchval("SELECT count(*) FROM feed") == len(minutes)


async def test_two_processes_do_not_expire_at_the_same_time(pool: Pool) -> None:
    await add_ticks(pool, [timedelta(days=9), timedelta(days=8), timedelta(0)])
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(7167236, 1)")
        assert await retention.expire(pool, WEEK) == 0
    assert await retention.expire(pool, WEEK) == 2
