"""Texts that wait past their validity: they fail, and say whether quiet hours were to blame."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from outbound_sms.dispatch.expiry import expire_once
from outbound_sms.dispatch.mass_control import run_mass_control
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store.mass_control import fail_expired
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history, queue_is_empty
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue, set_quiet_hours
from tests.waiting import wait_until

NIGHT = QuietHours(time(21), time(8))
BY_RECIPIENT = QuietHours(time(21), time(8), QuietMode.RECIPIENT)
# In New York, in July: two in the afternoon, half past nine at night, half past eight next day.
AFTERNOON = datetime(2027, 7, 1, 18, tzinfo=UTC)
AT_NIGHT = datetime(2027, 7, 2, 1, 30, tzinfo=UTC)
IN_THE_MORNING = datetime(2027, 7, 2, 12, 30, tzinfo=UTC)
HELD, LATE = "POLICY.QUIET_HOURS_EXPIRED", "EXPIRY.VALIDITY"


@pytest.fixture
async def queued(clocked: Pool, clock: DatabaseClock) -> Queued:
    """An instance with quiet hours at night. It is afternoon."""
    await clock.set(AFTERNOON)
    made = await fill_queue(clocked, 0)
    await set_quiet_hours(clocked, made.instance_id, NIGHT)
    return made


async def reasons(pool: Pool) -> dict[str | None, int]:
    rows = await pool.fetch("SELECT reject_reason, count(*) FROM message GROUP BY 1")
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize(
    ("hours", "zones", "valid_until", "reason"),
    [
        (NIGHT, "*", AT_NIGHT, HELD),
        (NIGHT, "America/Los_Angeles", AT_NIGHT, HELD),
        (BY_RECIPIENT, "America/New_York", AT_NIGHT, HELD),
        (BY_RECIPIENT, "America/Chicago,America/New_York", AT_NIGHT, HELD),
        (BY_RECIPIENT, "America/Los_Angeles", AT_NIGHT, LATE),
        (NIGHT, "*", IN_THE_MORNING, LATE),
        (None, "*", AT_NIGHT, LATE),
        (NIGHT, "", AT_NIGHT, LATE),
        (BY_RECIPIENT, "America/Atlantis", IN_THE_MORNING, HELD),
    ],
)
async def test_the_reason_says_whether_quiet_hours_held_it_when_its_validity_passed(
    clocked: Pool,
    clock: DatabaseClock,
    queued: Queued,
    hours: QuietHours | None,
    zones: str,
    valid_until: datetime,
    reason: str,
) -> None:
    await set_quiet_hours(clocked, queued.instance_id, hours)
    await add_triggered(clocked, queued, 2, zones=zones, valid_until=valid_until)
    await clock.set(valid_until - timedelta(minutes=1))
    assert await expire_once(clocked) == 0
    await clock.set(valid_until)
    assert await expire_once(clocked) == 2
    assert await reasons(clocked) == {reason: 2}
    assert await queue_is_empty(clocked)
    await check_history(clocked)


async def test_what_somebody_has_or_is_in_doubt_is_left_to_them(
    clocked: Pool, queued: Queued
) -> None:
    held, doubtful, waiting = await add_triggered(clocked, queued, 3, valid_until=AFTERNOON)
    await clocked.execute(
        "UPDATE dispatch SET owner = new_id(), lease_until = now() WHERE message_id = $1", held
    )
    await clocked.execute(
        "UPDATE dispatch SET in_doubt_since = now() WHERE message_id = $1", doubtful
    )
    everything: dict[UUID, str] = dict.fromkeys((held, doubtful, waiting), LATE)
    assert await fail_expired(clocked, everything) == 1
    assert await clocked.fetchval("SELECT status FROM message WHERE id = $1", waiting) == 5
    assert await expire_once(clocked) == 0


async def test_an_idle_number_fails_what_has_expired_within_seconds(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await add_triggered(clocked, queued, 3, valid_until=AT_NIGHT)
    await add_triggered(clocked, queued, 1, valid_until=IN_THE_MORNING)
    stop = asyncio.Event()
    running = asyncio.create_task(run_mass_control(clocked, stop, asyncio.Event()))
    try:
        await clock.set(AT_NIGHT)

        async def failed() -> bool:
            return await reasons(clocked) == {HELD: 3, None: 1}

        await wait_until(failed, 4, "three have failed and one waits")
    finally:
        stop.set()
        await running
