"""The check of the ledger each minute: what it tells, and how little of the time it takes."""

import asyncio
from functools import partial

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from outbound_sms.billing.ledger_checks import check_once, pause_after, run_ledger_checks
from outbound_sms.store.pool import Pool
from tests.dispatch.queue_factory import PRICE
from tests.ledger import make_books
from tests.waiting import wait_until

VIOLATIONS = "outbound_sms_ledger_violations"


def told(invariant: str) -> float | None:
    """What Prometheus reads for an invariant."""
    return REGISTRY.get_sample_value(VIOLATIONS, {"invariant": invariant})


def checked_at() -> float:
    """When the ledger was last checked, in seconds."""
    return REGISTRY.get_sample_value("outbound_sms_ledger_check_timestamp_seconds") or 0


def checked_since(before: float) -> bool:
    """Whether the ledger was checked after that time."""
    return checked_at() > before


async def lose(pool: Pool, statement: str) -> None:
    """Changes rows as nobody may."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(statement)


@pytest.mark.broken_ledger
async def test_a_broken_ledger_is_counted_and_logged_and_a_right_one_counts_none(
    pool: Pool,
) -> None:
    books = await make_books(pool)
    before = checked_at()
    with capture_logs() as logs:
        assert await check_once(pool)
    assert [told(f"I{n}") for n in range(1, 7)] == [0] * 6
    assert checked_at() > before
    assert logs == []
    await lose(pool, f"DELETE FROM ledger_entry WHERE message_id = '{books.sent}'")
    with capture_logs() as logs:
        assert await check_once(pool)
    assert [told(f"I{n}") for n in range(1, 7)] == [1, 0, 1, 0, 0, 0]
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("ledger broken", "error")
    assert line["invariants"] == ["I1", "I3"]
    assert line["first"][1] == {
        "invariant": "I3",
        "instance_id": str(books.instance),
        "id": str(books.sent),
        "text": f"found Sent with no entry; expected hold {PRICE}, capture {PRICE}",
    }


async def test_while_another_process_checks_this_one_skips_its_turn(pool: Pool) -> None:
    before = checked_at()
    async with pool.acquire() as another, another.transaction():
        await another.execute("SELECT pg_advisory_xact_lock(7167236, 2)")
        assert not await check_once(pool)
    assert checked_at() == before


@pytest.mark.parametrize(("took", "pause"), [(0.01, 60), (3.0, 60), (3.1, 62), (60.0, 1200)])
def test_the_check_takes_a_twentieth_of_the_time_at_most(took: float, pause: float) -> None:
    assert pause_after(took) == pytest.approx(pause)


async def test_it_checks_again_and_again_until_it_is_stopped(pool: Pool) -> None:
    await check_once(pool)
    stop = asyncio.Event()
    running = asyncio.create_task(run_ledger_checks(pool, stop, every=0.01))
    for _ in range(2):
        before = checked_at()
        await wait_until(partial(checked_since, before), 10, "another check")
    stop.set()
    await asyncio.wait_for(running, 10)


async def test_a_stop_ends_a_check_that_is_under_way(pool: Pool) -> None:
    stop = asyncio.Event()
    async with pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE balance IN ACCESS EXCLUSIVE MODE")
        running = asyncio.create_task(run_ledger_checks(pool, stop, every=0.01))
        await wait_until(lambda: waits_for_lock(pool), 10, "the check waits")
        stop.set()
        await asyncio.wait_for(running, 1.5)


async def waits_for_lock(pool: Pool) -> bool:
    """Whether somebody waits for a lock in this database."""
    waits: bool = await pool.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database())"
    )
    return waits


async def test_a_database_that_fails_is_logged_and_the_next_turn_makes_up_for_it(
    pool: Pool,
) -> None:
    await check_once(pool)
    stop = asyncio.Event()
    await pool.execute("ALTER TABLE balance RENAME TO elsewhere")
    with capture_logs() as logs:
        running = asyncio.create_task(run_ledger_checks(pool, stop, every=0.01))
        await wait_until(lambda: bool(logs), 10, "a failure")
    assert (logs[0]["action"], logs[0]["error"]) == ("ledger_check", "UndefinedTableError")
    await pool.execute("ALTER TABLE elsewhere RENAME TO balance")
    before = checked_at()
    await wait_until(partial(checked_since, before), 10, "a check")
    stop.set()
    await running
