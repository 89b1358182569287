"""The clock of the database jumps by an hour while messages are on their way."""

from datetime import UTC, datetime, time, timedelta
from functools import partial

from outbound_sms.carriers.carrier import Found, LookUp, NotFound, ReceiptState
from outbound_sms.domain.quiet_hours import QuietHours
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history, until_settled
from tests.dispatch.queue_factory import add_triggered, fill_queue, set_quiet_hours
from tests.dispatch.running import dispatching, seen_by_dispatcher
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.waiting import wait_until

# In New York, in July, so that the clock on the wall does not change: half past eight, nine.
EVENING = datetime(2027, 7, 2, 0, 30, tzinfo=UTC)
NINE_PM = EVENING + timedelta(minutes=30)
EIGHT_AM = NINE_PM + timedelta(hours=11)


async def test_no_jump_of_the_clock_lets_a_message_out_at_night(
    clocked: Pool, clock: DatabaseClock
) -> None:
    """Forward into the window and back out of it, back into another one and forward again; whoever
    has leases meanwhile loses or keeps them, and in the end everybody has had one text."""
    await clock.set(EVENING)
    queued = await fill_queue(clocked, 0, rate=200)
    await set_quiet_hours(clocked, queued.instance_id, QuietHours(time(21), time(8)))
    ids = await add_triggered(clocked, queued, 3_000)
    hour = timedelta(hours=1)

    def look_up(recipient: str) -> LookUp:
        return (
            Found(f"SM{recipient}", ReceiptState.SENT) if carrier.asked[recipient] else NotFound()
        )

    carrier = ScriptedCarrier(look_ups=look_up)

    async def more_are_sent() -> None:
        start = len(carrier.submissions)
        await wait_until(lambda: len(carrier.submissions) > start + 50, 10, "more are sent")
        await wait_until(partial(leases_hold, clocked), 10, "what lost its lease is settled")

    async with dispatching(clocked, carrier):
        await more_are_sent()
        await clock.jump(hour)
        await no_more_are_sent(clocked, carrier)
        await clock.jump(-hour)
        await more_are_sent()
        await clock.set(EIGHT_AM + timedelta(minutes=10))
        await more_are_sent()
        await clock.jump(-hour)
        await no_more_are_sent(clocked, carrier)
        await clocked.execute("UPDATE sending_number SET segments_per_second = 1e9")
        await clock.jump(hour)
        await until_settled(clocked)
    assert set(carrier.asked.values()) == {1}
    sent = "SELECT count(*) FROM message WHERE status = 3 AND id = ANY ($1)"
    assert await clocked.fetchval(sent, ids) == 3_000
    at_night = await clocked.fetchval(
        "SELECT count(*) FROM attempt JOIN message ON id = message_id "
        "WHERE kind = 2 AND submit_time >= $1 AND submit_time < $2",
        NINE_PM,
        EIGHT_AM,
    )
    assert at_night == 0
    await check_history(clocked)


async def leases_hold(pool: Pool) -> bool:
    """Whether nobody has lost a lease, and nothing is in doubt."""
    return not await pool.fetchval(
        "SELECT EXISTS (SELECT FROM dispatch "
        "WHERE in_doubt_since IS NOT NULL OR lease_until < clock_timestamp())"
    )


async def no_more_are_sent(pool: Pool, carrier: ScriptedCarrier) -> None:
    """Once the dispatcher has seen the clock, nothing goes out but what this puts in."""
    await seen_by_dispatcher(pool, carrier)
    await wait_until(partial(leases_hold, pool), 10, "what lost its lease is settled")
    sent = len(carrier.submissions)
    await seen_by_dispatcher(pool, carrier)
    assert len(carrier.submissions) == sent + 1
    assert await pool.fetchval("SELECT count(*) FROM dispatch") >= 100
