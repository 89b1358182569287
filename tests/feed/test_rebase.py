"""A database that was restored into another cluster, or that failed over to one behind it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from outbound_sms.feed.cursor import Cursors, Position, filter_hash
from outbound_sms.feed.epoch import ensure_epoch
from outbound_sms.feed.feed import Feed
from outbound_sms.feed.rebase import rebase
from outbound_sms.feed.stream import WatchRequest
from outbound_sms.postgres.binaries import find_binaries
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store import feed, feed_upkeep
from outbound_sms.store.feed import FeedNeedsRebase, FeedRow
from outbound_sms.store.migrate import migrate
from outbound_sms.store.pool import Connection, Pool, SessionRole, open_pool
from tests.databases import FAST_SETTINGS, temporary_cluster
from tests.feed.conftest import KEY
from tests.feed.reader import read_all
from tests.feed.validators import check_counts, check_feed
from tests.feed.writer import add_messages, change
from tests.waiting import wait_until


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Pool]:
    pool = await open_pool(
        dsn, min_size=0, max_size=8, application_name="tests", role=SessionRole.DISPATCHER
    )
    try:
        yield pool
    finally:
        pool.terminate()


@pytest.fixture
async def two_clusters() -> AsyncIterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """One whose transaction ids are far on, and an empty one."""
    async with temporary_cluster(FAST_SETTINGS) as old, temporary_cluster(FAST_SETTINGS) as new:
        yield old, new


def copy(old: str, new: str) -> None:
    """What an operator does with pg_dump and psql: roles are no part of a database's dump."""
    folder = find_binaries().folder
    if not (folder / "pg_dump").exists():
        pytest.skip("no pg_dump next to the server's programs")
    dumped = _run(folder / "pg_dump", "--no-owner", old)
    roles = "".join(f"CREATE ROLE {role};" for role in SessionRole)
    _run(folder / "psql", "-q", "-v", "ON_ERROR_STOP=1", new, stdin=roles.encode() + dumped)


def _run(program: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


async def test_a_restored_database_feeds_nothing_until_its_rebase_and_then_everything_once(
    two_clusters: tuple[EmbeddedPostgres, EmbeddedPostgres],
) -> None:
    old, new = two_clusters
    await migrate(old.dsn())
    instance, mass_message = uuid4(), uuid4()
    async with opened(old.dsn()) as pool, pool.acquire() as connection:
        await ensure_epoch(connection)
        await _use_up_ids(connection)
        messages = await add_messages(connection, instance, mass_message, 40)
        await feed.tick(connection)
        position = Position(1, (await feed.read_edges(connection)).head)
        await change(connection, messages[:10], 2)
    copy(old.dsn(), new.dsn())
    async with opened(new.dsn()) as pool:
        async with pool.acquire() as connection:
            await change(connection, messages[5:15], 3)
            with pytest.raises(FeedNeedsRebase):
                await feed.tick(connection)
            with pytest.raises(FeedNeedsRebase):
                await ensure_epoch(connection)
            await rebase(connection)
            assert (await ensure_epoch(connection)).current == 2
            assert await feed.tick(connection) == 20
            await rebase(connection)
            assert await feed.tick(connection) == 0
            # Past the ids that events of the old cluster had.
            await _use_up_ids(connection)
            await _use_up_ids(connection)
            await change(connection, messages, 4)
            assert await feed.tick(connection) == 40
        assert await check_feed(pool) == 100
        await check_counts(pool)
        await _check_resumes(pool, instance, position)


async def _use_up_ids(connection: Connection) -> None:
    for _ in range(2_000):
        await connection.execute("SELECT pg_current_xact_id()")


async def _check_resumes(pool: Pool, instance: UUID, position: Position) -> None:
    """A cursor of the old cluster goes on where it was."""
    cursor = Cursors(KEY).encode(position, instance, filter_hash(None))
    async with Feed(pool, KEY, asyncio.Event()) as running:
        request = WatchRequest(instance, cursor=cursor)
        recording = await read_all(running, request, 60, start=position.pos)
        assert await recording.check(pool) == 60


async def test_a_rebase_repeats_nothing_that_retention_has_deleted(pool: Pool) -> None:
    messages = await add_messages(pool, uuid4(), None, 5)
    await pool.fetchval("SELECT feed_tick_once()")
    await change(pool, messages, 2)
    await pool.fetchval("SELECT feed_tick_once()")
    await pool.execute(
        "UPDATE status_event SET event_time = now() - interval '9 days' WHERE version = 1"
    )
    await pool.execute("DELETE FROM feed WHERE pos = 1")
    async with pool.acquire() as connection:
        await rebase(connection)
        assert await feed.tick(connection) == 0


async def test_a_fail_over_starts_an_epoch_and_old_cursors_go_back_to_it(pool: Pool) -> None:
    instance = uuid4()
    async with pool.acquire() as connection:
        assert (await ensure_epoch(connection)).current == 1
        assert (await ensure_epoch(connection)).current == 1
        await add_messages(connection, instance, None, 3)
        await feed.tick(connection)
        await connection.execute("UPDATE feed_epoch SET timeline_id = timeline_id - 1")
        epochs = await ensure_epoch(connection)
    assert epochs.current == 2
    assert epochs.rewound(57, 1) == 1
    assert epochs.rewound(57, 2) == 57


async def test_a_process_that_sees_a_new_epoch_reads_again_what_it_gave_out(
    pool: Pool, feed: Feed
) -> None:
    """The old primary had told events that the new one does not have; its positions come again."""
    instance = uuid4()
    await add_messages(pool, instance, None, 1)
    await wait_until(lambda: feed.hub.head)
    async with feed.hub.subscribe(instance) as reader:
        feed.hub.publish([FeedRow(pos, instance, None) for pos in (7, 8, 9)])
        async with pool.acquire() as connection:
            system, timeline = await feed_upkeep.read_cluster(connection)
            await feed_upkeep.add_epoch(connection, system, timeline + 1)
        await wait_until(lambda: feed.hub.epochs is not None and feed.hub.epochs.current == 2)
        await add_messages(pool, instance, None, 1)
        await wait_until(lambda: [row.pos for row in reader.rows_after(1) or ()] == [2])


async def test_a_server_that_may_not_ask_who_it_is_still_runs(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("CREATE ROLE humble LOGIN")
        try:
            await connection.execute(
                "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;"
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO humble; SET ROLE humble"
            )
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await feed_upkeep.read_cluster(connection)
            assert (await ensure_epoch(connection)).current == 1
            assert (await ensure_epoch(connection)).current == 1
        finally:
            await connection.execute("RESET ROLE; DROP OWNED BY humble; DROP ROLE humble")
        assert (await ensure_epoch(connection)).current == 2
