"""Triggered messages pause when there are many times the usual of them in an hour."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import OpenGroup
from outbound_sms.store.pool import Pool
from outbound_sms.store.sending_limits import forget_old_hours, resume_triggered_messages
from tests.clock import DatabaseClock
from tests.dispatch.claims import claim
from tests.dispatch.limits import alerts, counted, limits_row, make_reply, set_limits
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue

HOUR = timedelta(hours=1)
START = datetime(2026, 7, 1, 16, 5, tzinfo=UTC)
SURGE = 4


async def prepare(clocked: Pool, clock: DatabaseClock, triggered: int, mass: int = 0) -> Queued:
    """A new instance, which has no history."""
    await clock.set(START)
    queued = await fill_queue(clocked, mass, surge_multiple=5)
    await add_triggered(clocked, queued, triggered)
    return queued


async def test_a_hundred_in_an_hour_are_no_surge_and_one_more_is(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 100)
    assert len(await claim(clocked, queued.sending_number_id)) == 100
    assert (await limits_row(clocked, queued.instance_id))["surge_pause_time"] is None
    assert await alerts(clocked) == []
    await add_triggered(clocked, queued, 1)
    assert await claim(clocked, queued.sending_number_id) == []
    row = await limits_row(clocked, queued.instance_id)
    assert START <= row["surge_pause_time"] < START + timedelta(minutes=1)
    assert await alerts(clocked) == [(SURGE, 100)]
    assert await store.ready_groups(clocked) == []


async def test_two_for_each_account_are_no_surge_as_when_a_months_invoices_go_out(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 200)
    await clocked.execute(
        "INSERT INTO account (instance_id, account_number, name, company_id) "
        "SELECT instance_id, 'S' || n, 'S', company_id FROM account, generate_series(1, 79) n"
    )
    assert len(await claim(clocked, queued.sending_number_id)) == 160
    assert (await limits_row(clocked, queued.instance_id))["surge_floor"] == 160


async def test_mass_messages_and_replies_go_on_while_triggered_ones_are_paused(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 150, mass=5)
    first = await claim(clocked, queued.sending_number_id)
    assert len(first) == 100
    answer = await add_triggered(clocked, queued, 1)
    await make_reply(clocked, answer[0])
    rest = [m.message_id for m in await claim(clocked, queued.sending_number_id)]
    assert rest == [answer[0], *queued.message_ids]
    # The next hour, and the next day, do not end it: somebody has to.
    await clock.jump(25 * HOUR)
    assert await claim(clocked, queued.sending_number_id) == []


async def test_resumed_messages_go_out_until_the_hour_is_over_and_then_it_is_watched_again(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 300)
    assert len(await claim(clocked, queued.sending_number_id)) == 100
    await resume_triggered_messages(clocked, queued.instance_id)
    assert len(await claim(clocked, queued.sending_number_id)) == 200
    assert await counted(clocked, queued.instance_id) == (300, 300, 300 * 15_000, 300)
    # Five times the 300 of the hour before.
    await clock.set(START + HOUR)
    await add_triggered(clocked, queued, 1_501)
    assert len(await claim(clocked, queued.sending_number_id, 5_000)) == 1_500
    row = await limits_row(clocked, queued.instance_id)
    assert (row["usual_triggered"], row["surge_pause_time"] is not None) == (300, True)


async def test_what_nobody_has_paused_is_not_allowed_beforehand(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 101)
    await resume_triggered_messages(clocked, queued.instance_id)
    assert len(await claim(clocked, queued.sending_number_id)) == 100


async def test_the_busiest_hour_of_seven_days_counts_and_no_older_one(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 0)
    await set_limits(clocked, queued.instance_id, surge_multiple=0)
    this_hour = START.replace(minute=0)
    for sent, hour in ((40, 0), (30, 1), (1, 7 * 24), (1, 7 * 24 + 1), (1, 7 * 24 + 2)):
        await clock.set(START + hour * HOUR)
        await add_triggered(clocked, queued, sent)
        assert len(await claim(clocked, queued.sending_number_id)) == sent
        row = await limits_row(clocked, queued.instance_id)
        assert row["hour_end"] == this_hour + (hour + 1) * HOUR
        expected = {0: 0, 1: 40, 7 * 24: 40, 7 * 24 + 1: 30, 7 * 24 + 2: 1}[hour]
        assert row["usual_triggered"] == expected
    await clock.set(START + 9 * 24 * HOUR)
    await add_triggered(clocked, queued, 1)
    await claim(clocked, queued.sending_number_id)
    assert await forget_old_hours(clocked) == 2
    kept = await clocked.fetch("SELECT hour_start FROM triggered_hour ORDER BY 1")
    assert [row[0] for row in kept] == [this_hour + (7 * 24 + n) * HOUR for n in range(3)]


async def test_sixteen_claimers_do_not_pass_the_surge_together(pool: Pool) -> None:
    queued = await fill_queue(pool, 0, surge_multiple=5)
    await add_triggered(pool, queued, 400)
    groups = [OpenGroup(queued.sending_number_id, 1, "America/New_York", None)]
    # An hour of the clock may begin meanwhile, and take a hundred of its own.
    await set_limits(pool, queued.instance_id, hour_end=datetime.now(UTC) + timedelta(hours=1.5))

    async def work() -> int:
        taken, owner = 0, uuid4()
        for _ in range(5):
            taken += len(
                await store.claim(pool, groups, most_each=7, owner=owner, lease_seconds=45)
            )
        return taken

    assert sum(await asyncio.gather(*(work() for _ in range(16)))) == 100
    assert await alerts(pool) == [(SURGE, 100)]


async def test_a_limit_that_is_reached_first_is_no_surge(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await prepare(clocked, clock, 300)
    await set_limits(clocked, queued.instance_id, per_minute=10)
    assert len(await claim(clocked, queued.sending_number_id)) == 10
    assert (await limits_row(clocked, queued.instance_id))["surge_pause_time"] is None
