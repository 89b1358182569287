"""Quiet hours while dispatchers run: settings change, windows begin, clocks jump, nights pass."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from outbound_sms.carriers.carrier import (
    Outcome,
    Submission,
)
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history, until_settled
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue, set_quiet_hours
from tests.dispatch.running import QUICK, dispatching, seen_by_dispatcher
from tests.dispatch.scripted_carrier import ScriptedCarrier, accept
from tests.waiting import wait_until

NIGHT = QuietHours(time(21), time(8))
BY_RECIPIENT = QuietHours(time(21), time(8), QuietMode.RECIPIENT)
# In New York, in July, so that no clock changes: half past eight in the evening, nine, ten.
EVENING = datetime(2027, 7, 2, 0, 30, tzinfo=UTC)
NINE_PM = EVENING + timedelta(minutes=30)
AT_NIGHT = EVENING + timedelta(minutes=90)
EIGHT_AM = NINE_PM + timedelta(hours=11)
SECOND = timedelta(seconds=1)
EFFECT = 5.0
"""Seconds within which a change of the settings acts on what waits."""


async def statuses(pool: Pool, ids: list[UUID]) -> dict[int, int]:
    """Of these messages, how many have which status."""
    rows = await pool.fetch("SELECT status FROM message WHERE id = ANY ($1)", ids)
    return dict(Counter(row["status"] for row in rows))


@pytest.fixture
async def queued(clocked: Pool, clock: DatabaseClock) -> Queued:
    """An instance with quiet hours at night. It is half past eight in the evening."""
    await clock.set(EVENING)
    made = await fill_queue(clocked, 0)
    await set_quiet_hours(clocked, made.instance_id, NIGHT)
    return made


@pytest.mark.parametrize("hours", [None, QuietHours(time(23), time(8))])
async def test_a_thousand_held_messages_go_when_the_settings_no_longer_hold_them(
    clocked: Pool, clock: DatabaseClock, queued: Queued, hours: QuietHours | None
) -> None:
    await clock.set(AT_NIGHT)
    held = await add_triggered(clocked, queued, 1_000)
    carrier = ScriptedCarrier()
    async with dispatching(clocked, carrier):
        await seen_by_dispatcher(clocked, carrier)
        assert await statuses(clocked, held) == {1: 1_000}
        await set_quiet_hours(clocked, queued.instance_id, hours)

        async def all_sent() -> bool:
            return await statuses(clocked, held) == {3: 1_000}

        await wait_until(all_sent, EFFECT, "all have gone")
    await check_history(clocked)


@pytest.mark.parametrize("seconds_of_a_call", [0.0, 0.2])
async def test_a_thousand_pending_messages_stay_when_the_settings_begin_to_hold_them(
    clocked: Pool, queued: Queued, seconds_of_a_call: float
) -> None:
    await set_quiet_hours(clocked, queued.instance_id, None)
    await clocked.execute("UPDATE sending_number SET segments_per_second = 150")
    pending = await add_triggered(clocked, queued, 1_000)
    times: list[float] = []

    async def slow(submission: Submission) -> Outcome:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(seconds_of_a_call)
        return await accept(submission)

    carrier = ScriptedCarrier(answer=slow)
    settings = replace(QUICK, workers=4)
    async with dispatching(clocked, carrier, settings=settings):
        await wait_until(lambda: len(times) > 20, 10, "they are on their way")
        await set_quiet_hours(clocked, queued.instance_id, QuietHours(time(20), time(8)))
        changed = asyncio.get_running_loop().time()
        await seen_by_dispatcher(clocked, carrier)
        sent = len(carrier.submissions)
        await seen_by_dispatcher(clocked, carrier)
        assert len(carrier.submissions) == sent + 1, "nothing but what was put in to see that"
    assert times[-2] <= changed + EFFECT
    left = await statuses(clocked, pending)
    assert left[1] >= 300 and left[1] + left[3] == 1_000
    await check_history(clocked)


async def test_a_change_of_mode_or_zone_acts_on_what_waits(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await clock.set(AT_NIGHT)
    zones = ("America/New_York", "America/Los_Angeles", "*")
    held = {zone: await add_triggered(clocked, queued, 2, zones=zone) for zone in zones}
    carrier = ScriptedCarrier()

    async def sent(zone: str) -> bool:
        return await statuses(clocked, held[zone]) == {3: 2}

    async with dispatching(clocked, carrier):
        await seen_by_dispatcher(clocked, carrier)
        assert [await sent(zone) for zone in zones] == [False, False, False]
        await set_quiet_hours(clocked, queued.instance_id, BY_RECIPIENT)
        await seen_by_dispatcher(clocked, carrier)
        assert [await sent(zone) for zone in zones] == [False, True, False]
        await set_quiet_hours(
            clocked, queued.instance_id, BY_RECIPIENT, time_zone="America/Vancouver"
        )
        await seen_by_dispatcher(clocked, carrier)
        assert [await sent(zone) for zone in zones] == [False, True, True]


async def test_when_the_window_begins_what_was_not_begun_is_held(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    """Some are leased, some even intended: a call that begins after the window does is none."""
    ids = await add_triggered(clocked, queued, 300)
    loop = asyncio.get_running_loop()
    times: list[float] = []

    async def slow(submission: Submission) -> Outcome:
        times.append(loop.time())
        await asyncio.sleep(0.02)
        return await accept(submission)

    carrier = ScriptedCarrier(answer=slow)
    before = loop.time()
    await clock.set(NINE_PM - 2 * SECOND)
    nine = (before + 2, loop.time() + 2)
    async with dispatching(clocked, carrier, settings=replace(QUICK, workers=2)):
        await wait_until(lambda: loop.time() > nine[1], 5, "the window has begun")
        await seen_by_dispatcher(clocked, carrier)
        fences = await clocked.fetchval("SELECT sum(fence) FROM dispatch")
        await seen_by_dispatcher(clocked, carrier)
        assert await clocked.fetchval("SELECT sum(fence) FROM dispatch") == fences
        assert await clocked.fetchval("SELECT max(fence) FROM dispatch") <= 5
    triggered = times[:-2]
    assert 20 <= len(triggered) < 300
    assert max(triggered) <= nine[1]
    late = await clocked.fetchval(
        "SELECT count(*) FROM attempt JOIN message ON id = message_id "
        "WHERE kind = 2 AND submit_time >= $1",
        NINE_PM,
    )
    assert late == 0
    found = await statuses(clocked, ids)
    assert found[3] == len(triggered) and found[1] >= 1
    await check_history(clocked)


async def test_at_the_end_of_the_night_all_is_sent_that_may_still_be_sent(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await clock.set(AT_NIGHT)
    ids = await add_triggered(clocked, queued, 6)
    opted_out, removed, deleted, stopped, *kept = ids
    carrier = ScriptedCarrier()
    async with dispatching(clocked, carrier):
        await seen_by_dispatcher(clocked, carrier)
        of = "SELECT contact_id FROM message WHERE id = $1"
        for change, message_id in (
            (f"UPDATE phone_number SET sms_opt_in = false WHERE contact_id = ({of})", opted_out),
            (f"DELETE FROM phone_number WHERE contact_id = ({of})", removed),
            (f"UPDATE contact SET delete_time = now() WHERE id = ({of})", deleted),
            (
                "INSERT INTO suppression (e164, source) SELECT phone, 6 FROM message WHERE id = $1",
                stopped,
            ),
        ):
            await clocked.execute(change, message_id)
        await clock.set(EIGHT_AM)
        await until_settled(clocked)
    rows = await clocked.fetch("SELECT id, status, reject_reason FROM message")
    found = {row["id"]: (row["status"], row["reject_reason"]) for row in rows}
    gone = [found[each] for each in (opted_out, removed, deleted, stopped)]
    assert gone == [(5, "POLICY.NO_CONSENT")] * 3 + [(5, "POLICY.OPTED_OUT")]
    assert [found[each] for each in kept] == [(3, None)] * 2
    await check_history(clocked)
