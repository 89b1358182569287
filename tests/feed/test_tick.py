"""The tick, with many writers: what became visible is fed once, in the order of each message."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store import feed
from outbound_sms.store.migrate import migrate
from outbound_sms.store.pool import Connection, Pool, open_pool
from tests.databases import temporary_cluster
from tests.feed.validators import check_counts, check_feed
from tests.feed.writer import Crowd, add_messages, change
from tests.waiting import wait_until

SECONDS = float(os.environ.get("FEED_STRESS_SECONDS", "6"))


async def tick_for_ever(pool: Pool) -> None:
    """A ticker with short pauses, so that ticks fall everywhere between the writes."""
    async with pool.acquire() as connection:
        while True:
            await feed.tick(connection)
            await asyncio.sleep(random.random() * 0.01)


@asynccontextmanager
async def ticking(pool: Pool, tickers: int) -> AsyncIterator[None]:
    """Tickers run while the block does; then one more makes sure that nothing is left."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(tick_for_ever(pool)) for _ in range(tickers)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
    await drain_events(pool)


async def drain_events(pool: Pool) -> None:
    async with pool.acquire() as connection:
        while await feed.tick(connection) != 0:
            pass


async def write_for(pool: Pool, crowd: Crowd, seconds: float, seed: int) -> int:
    chance = random.Random(seed)
    committed = 0
    ends = time.monotonic() + seconds
    async with pool.acquire() as connection:
        while time.monotonic() < ends:
            committed += await crowd.write(connection, chance)
    return committed


@pytest.fixture
async def wide_pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(
        database_url,
        min_size=0,
        max_size=20,
        application_name="stress",
        statement_timeout_ms=30_000,
    )
    yield opened
    opened.terminate()


async def stress(pool: Pool, seconds: float) -> None:
    seed = random.randrange(1_000_000)
    crowd = Crowd()
    await crowd.fill(pool)
    async with ticking(pool, 3):
        committed = await asyncio.gather(
            *(write_for(pool, crowd, seconds, seed + writer) for writer in range(12))
        )
    assert await check_feed(pool) > sum(committed) > 0
    await check_counts(pool)


async def test_twelve_writers_that_sleep_and_roll_back_lose_and_reorder_nothing(
    wide_pool: Pool,
) -> None:
    await stress(wide_pool, SECONDS)


async def test_twelve_writers_lose_and_reorder_nothing_on_postgresql_15(
    database_url_15: str,
) -> None:
    pool = await open_pool(
        database_url_15,
        min_size=0,
        max_size=20,
        application_name="stress",
        statement_timeout_ms=30_000,
    )
    try:
        await stress(pool, SECONDS / 3)
    finally:
        pool.terminate()


async def test_a_change_that_commits_first_but_began_later_keeps_its_place(pool: Pool) -> None:
    """An older transaction changes a message last: by its id the change would come first."""
    [message] = await add_messages(pool, uuid4(), None, 1)
    async with pool.acquire() as old, pool.acquire() as young:
        held = old.transaction()
        await held.start()
        await old.execute("SELECT pg_current_xact_id()")
        await change(young, [message], 2)
        await feed.tick(young)
        await change(old, [message], 3)
        await feed.tick(young)
        await held.commit()
        await feed.tick(young)
    assert await check_feed(pool) == 3


async def test_a_row_of_a_long_transaction_is_fed_once_it_commits(pool: Pool) -> None:
    messages = await add_messages(pool, uuid4(), None, 3)
    async with pool.acquire() as long, pool.acquire() as other:
        held = long.transaction()
        await held.start()
        await change(long, messages[:1], 2)
        for status in (2, 3, 4):
            await change(other, messages[1:], status)
            assert await feed.tick(other) > 0
        assert await feed.tick(other) == 0
        await held.commit()
        assert await feed.tick(other) == 1
        assert await feed.tick(other) == 0
    assert await check_feed(pool) == 10


async def test_changes_in_savepoints_are_fed(pool: Pool) -> None:
    """Rows of a savepoint carry another id inside PostgreSQL than their transaction."""
    messages = await add_messages(pool, uuid4(), None, 2)
    async with pool.acquire() as writer, pool.acquire() as other:
        async with writer.transaction():
            await change(writer, messages[:1], 2)
            async with writer.transaction():
                await change(writer, messages[1:], 2)
                await feed.tick(other)
        await feed.tick(other)
    assert await check_feed(pool) == 4


async def test_an_idle_tick_writes_nothing(pool: Pool) -> None:
    """Every process ticks many times a second for months, and ids are finite."""
    messages = await add_messages(pool, uuid4(), None, 1)
    async with pool.acquire() as connection:
        await feed.tick(connection)
        async with connection.transaction():
            assert await feed.tick(connection) == 0
            assert await connection.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
        await change(connection, messages, 2)
        async with connection.transaction():
            assert await feed.tick(connection) == 1
            assert await connection.fetchval("SELECT pg_current_xact_id_if_assigned()")


async def test_open_transactions_do_not_slow_the_tick_by_their_size(pool: Pool) -> None:
    """Ticks go on, every 20 ms, while one transaction writes very many rows."""
    async with pool.acquire() as long, pool.acquire() as other:
        async with long.transaction():
            await add_messages(long, uuid4(), None, 30_000)
            await add_messages(other, uuid4(), None, 1)
            assert await feed.tick(other) == 1
            await other.execute("SELECT pg_stat_force_next_flush()")
            before = await other.fetchval(_ENTRIES_READ)
            for _ in range(20):
                await add_messages(other, uuid4(), None, 1)
                assert await feed.tick(other) == 1
            await other.execute("SELECT pg_stat_force_next_flush()")
            assert await other.fetchval(_ENTRIES_READ) - before < 1_000
        assert await feed.tick(other) == 30_000


async def test_only_one_process_ticks_at_a_time(pool: Pool) -> None:
    messages = await add_messages(pool, uuid4(), None, 1)
    async with pool.acquire() as first, pool.acquire() as second:
        async with first.transaction():
            assert await feed.tick(first) == 1
            assert await feed.tick(second) == -1
        await change(first, messages, 2)
        assert await feed.tick(second) == 1
    assert await check_feed(pool) == 2


async def test_a_tick_reads_by_index_however_large_the_history(pool: Pool) -> None:
    instance = uuid4()
    async with pool.acquire() as connection:
        # More ticks than PostgreSQL takes to settle on a plan, while the table is small.
        for _ in range(10):
            await add_messages(connection, instance, None, 1)
            await feed.tick(connection)
        await add_messages(connection, instance, None, 20_000)
        await feed.tick(connection)
        await connection.execute("SELECT pg_stat_force_next_flush()")
        before = await connection.fetchval(_ROWS_SCANNED)
        for _ in range(5):
            await add_messages(connection, instance, None, 1)
            await feed.tick(connection)
        await connection.execute("SELECT pg_stat_force_next_flush()")
        assert await connection.fetchval(_ROWS_SCANNED) == before


_ENTRIES_READ = """
SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'status_event_xid'
"""
_ROWS_SCANNED = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'status_event'"


@pytest.fixture(scope="module")
async def crowded_cluster() -> AsyncIterator[EmbeddedPostgres]:
    """A cluster with a second database, and room for prepared transactions."""
    settings = {"max_prepared_transactions": "5", "shared_buffers": "64MB", "fsync": "off"}
    async with temporary_cluster(settings) as server:
        await migrate(server.dsn())
        yield server


@pytest.mark.parametrize("holder", ["same database", "other database", "prepared"])
async def test_an_open_write_transaction_delays_only_its_own_events(
    crowded_cluster: EmbeddedPostgres, holder: str
) -> None:
    pool = await open_pool(crowded_cluster.dsn(), min_size=0, max_size=6, application_name="tests")
    try:
        held = (await add_messages(pool, uuid4(), None, 1))[0]
        database = "postgres" if holder == "other database" else "outbound_sms"
        blocker = await asyncpg.connect(crowded_cluster.dsn(database))
        await _hold(blocker, holder, held)
        lags = await _measure_lags(pool, seconds=2.0)
        assert len(lags) > 20
        assert sorted(lags)[int(len(lags) * 0.99)] <= 0.5
        fed = await pool.fetchval(
            "SELECT count(*) FROM feed, unnest(message_ids) m WHERE m = $1", held
        )
        assert fed == 1
        await blocker.execute("COMMIT PREPARED 'held'" if holder == "prepared" else "COMMIT")
        await blocker.close()
        released = time.monotonic()
        await drain_events(pool)
        await check_feed(pool)
        assert time.monotonic() - released <= 1.0
    finally:
        pool.terminate()


async def _hold(blocker: "asyncpg.Connection[asyncpg.Record]", holder: str, message: UUID) -> None:
    await blocker.execute("BEGIN")
    if holder == "other database":
        await blocker.execute("CREATE TEMP TABLE written AS SELECT 1")
        return
    await change(blocker, [message], 2)
    if holder == "prepared":
        await blocker.execute("PREPARE TRANSACTION 'held'")


async def _measure_lags(pool: Pool, seconds: float) -> list[float]:
    """Seconds from a commit to its row in the feed, with one ticker."""
    lags = []
    async with ticking(pool, 1), pool.acquire() as connection:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            lags.append(await _measure_lag(connection))
    return lags


async def _measure_lag(connection: Connection) -> float:
    [message] = await add_messages(connection, uuid4(), None, 1)
    committed = time.monotonic()
    await wait_until(lambda: connection.fetchval(_IS_FED, message))
    return time.monotonic() - committed


_IS_FED = """
SELECT EXISTS (SELECT FROM feed
                WHERE $1 = ANY (message_ids) AND pos > (SELECT max(pos) - 50 FROM feed))
"""
