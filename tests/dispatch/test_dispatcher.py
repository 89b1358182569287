"""What becomes of a message for each answer of a carrier, and when a dispatcher stops."""

import asyncio
from dataclasses import replace
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.carriers.carrier import (
    Accepted,
    Found,
    InDoubt,
    LookUp,
    NotFound,
    NotSent,
    Outcome,
    ReceiptState,
    Refused,
    Submission,
    Throttled,
)
from outbound_sms.dispatch.dispatcher import CarrierTooSlow, Dispatcher
from outbound_sms.store.leases import rescue
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.receipts import (
    DELIVERED,
    SENT,
    UNDELIVERED,
    StoredReceipt,
    apply_receipts,
    store_receipts,
)
from tests.dispatch.checks import check_history, queue_is_empty, statuses, until_settled
from tests.dispatch.queue_factory import Queued, fill_queue, phones
from tests.dispatch.running import CALLBACKS, QUICK, dispatching
from tests.dispatch.scripted_carrier import ScriptedCarrier, accept
from tests.waiting import wait_until


async def attempts_of(pool: Pool, message_id: UUID) -> list[tuple[int, int, str | None]]:
    rows = await pool.fetch(
        "SELECT number, outcome, carrier_message_id FROM attempt WHERE message_id = $1 ORDER BY 1",
        message_id,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def reason_of(pool: Pool, message_id: UUID) -> str | None:
    reason: str | None = await pool.fetchval(
        "SELECT reject_reason FROM message WHERE id = $1", message_id
    )
    return reason


async def test_accepted_messages_become_sent_each_handed_over_once(pool: Pool) -> None:
    queued = await fill_queue(pool, 500, text="Power is out")
    carrier = ScriptedCarrier()
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 500}
    assert set(carrier.asked.values()) == {1} and carrier.asked.keys() == set(phones(500))
    submission = carrier.submissions[0]
    assert (submission.body, submission.attempt, submission.segments) == ("Power is out", 1, 1)
    assert 14_000 < (submission.valid_for_seconds or 0) <= 14_400
    message_id = submission.message_id
    assert await attempts_of(pool, message_id) == [(1, 1, f"SM{message_id.hex}")]
    await check_history(pool)


async def test_a_refused_message_fails_with_its_reason(pool: Pool) -> None:
    async def refuse(_: Submission) -> Outcome:
        return Refused("NUMBER.INVALID", "21211")

    queued = await fill_queue(pool, 3)
    async with dispatching(pool, ScriptedCarrier(answer=refuse)):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"failed": 3}
    assert await reason_of(pool, queued.message_ids[0]) == "NUMBER.INVALID"
    await check_history(pool)


async def test_a_number_that_its_carrier_says_opted_out_is_suppressed_everywhere(
    pool: Pool,
) -> None:
    async def opted_out(_: Submission) -> Outcome:
        return Refused("POLICY.OPTED_OUT", "21610", suppress=True)

    queued = await fill_queue(pool, 1)
    kind = await pool.fetchval(
        "INSERT INTO phone_number_type (instance_id, name) VALUES ($1, 'Mobile') RETURNING id",
        queued.instance_id,
    )
    await pool.execute(
        "INSERT INTO phone_number (instance_id, contact_id, e164, country, phone_number_type_id,"
        " sms_opt_in) VALUES ($1, $2, $3, 'US', $4, true)",
        queued.instance_id,
        queued.contact_id,
        phones(1)[0],
        kind,
    )
    async with dispatching(pool, ScriptedCarrier(answer=opted_out)):
        await until_settled(pool)

        async def suppressed() -> bool:
            return bool(await pool.fetchval("SELECT count(*) FROM suppression"))

        await wait_until(suppressed, 5, "the number is suppressed")
    row = await pool.fetchrow("SELECT sms_opt_in, cleared_by_stop FROM phone_number")
    assert row is not None and tuple(row) == (False, True)
    event = await pool.fetchrow("SELECT kind, source FROM consent_event")
    assert event is not None and tuple(event) == (2, 8)


async def test_a_refusal_that_passes_is_tried_again_and_in_the_end_fails(pool: Pool) -> None:
    async def congested(submission: Submission) -> Outcome:
        if submission.attempt == 3 and submission.recipient == phones(1)[0]:
            return Accepted("SM3")
        return Refused("CARRIER.CONGESTION", "30017")

    queued = await fill_queue(pool, 2)
    carrier = ScriptedCarrier(answer=congested)
    async with dispatching(pool, carrier):
        await wait_until(partial(hurry, pool), 20, "both messages are settled")
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1, "failed": 1}
    assert carrier.asked[phones(2)[1]] == 5
    assert [o for _, o, _ in await attempts_of(pool, queued.message_ids[0])] == [2, 2, 1]
    assert await reason_of(pool, queued.message_ids[1]) == "CARRIER.CONGESTION"
    await check_history(pool)


async def test_what_cannot_reach_a_carrier_is_tried_until_it_does(pool: Pool) -> None:
    async def unreachable(submission: Submission) -> Outcome:
        return Accepted("SM9") if submission.attempt == 9 else NotSent("connection refused")

    queued = await fill_queue(pool, 1)
    async with dispatching(pool, ScriptedCarrier(answer=unreachable)):
        await wait_until(partial(hurry, pool), 20, "the message is settled")
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1}
    assert [o for _, o, _ in await attempts_of(pool, queued.message_ids[0])] == [4] * 8 + [1]


async def hurry(pool: Pool) -> bool:
    """Makes everything due; whether nothing is left."""
    await pool.execute("UPDATE dispatch SET due_time = now() WHERE owner IS NULL")
    return await queue_is_empty(pool)


async def test_a_throttled_message_waits_and_uses_up_no_tries(pool: Pool) -> None:
    answers = iter([Throttled(0.1, "20429")] * 8)

    async def throttle(submission: Submission) -> Outcome:
        return next(answers, None) or await accept(submission)

    queued = await fill_queue(pool, 1)
    carrier = ScriptedCarrier(answer=throttle)
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1}
    assert len(carrier.submissions) == 9


async def test_after_a_throttle_nothing_is_handed_to_that_carrier_until_it_said(pool: Pool) -> None:
    times: list[float] = []

    async def throttle_first(submission: Submission) -> Outcome:
        times.append(asyncio.get_running_loop().time())
        return Throttled(0.5, "20429") if len(times) == 1 else await accept(submission)

    await fill_queue(pool, 1)
    async with dispatching(pool, ScriptedCarrier(answer=throttle_first)):
        await wait_until(lambda: bool(times), 5, "the first call")
        await fill_queue(pool, 20, name="Second", sender="+14165550199")
        await until_settled(pool)
    assert len(times) == 22 and min(times[1:]) - times[0] >= 0.5


async def test_calls_that_were_about_to_begin_wait_too_when_a_carrier_throttles(pool: Pool) -> None:
    times: list[float] = []

    async def throttle_third(submission: Submission) -> Outcome:
        times.append(asyncio.get_running_loop().time())
        return Throttled(0.5, "20429") if len(times) == 3 else await accept(submission)

    await fill_queue(pool, 100)
    settings = replace(QUICK, workers=1)
    async with dispatching(pool, ScriptedCarrier(answer=throttle_third), settings=settings):
        await until_settled(pool)
    assert len(times) == 101 and times[3] - times[2] >= 0.5


async def test_a_defect_of_an_adapter_leaves_the_message_in_doubt(pool: Pool) -> None:
    async def broken(_: Submission) -> Outcome:
        raise ZeroDivisionError

    queued = await fill_queue(pool, 1)
    async with dispatching(pool, ScriptedCarrier(answer=broken)):
        await until_settled(pool)
    assert await reason_of(pool, queued.message_ids[0]) == "UNCERTAIN.OUTCOME_UNKNOWN"


async def test_a_carrier_slower_than_a_lease_allows_is_refused_at_the_start(pool: Pool) -> None:
    with pytest.raises(CarrierTooSlow, match="lower its total_timeout"):
        Dispatcher(pool, {"null": ScriptedCarrier()}, CALLBACKS, replace(QUICK, call=0.5))


async def doubt(_: Submission) -> Outcome:
    return InDoubt("no answer")


async def test_an_unknown_outcome_is_never_sent_again_by_default(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    carrier = ScriptedCarrier(answer=doubt)
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"failed": 3}
    assert set(carrier.asked.values()) == {1}
    assert await attempts_of(pool, queued.message_ids[0]) == [(1, 5, None)]
    await check_history(pool)


async def test_an_unknown_outcome_is_sent_once_more_where_that_was_asked_for(pool: Pool) -> None:
    queued = await fill_queue(pool, 3, resend_unknown_outcome=True)
    carrier = ScriptedCarrier(answer=doubt)
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert set(carrier.asked.values()) == {2}
    assert await statuses(pool, queued.mass_message_id) == {"failed": 3}
    assert [o for _, o, _ in await attempts_of(pool, queued.message_ids[0])] == [5, 5]


async def test_a_look_up_settles_what_was_in_doubt(pool: Pool) -> None:
    there, missing = phones(2)

    def look_up(recipient: str) -> LookUp:
        return Found("SM9", ReceiptState.SENT) if recipient == there else NotFound()

    async def doubt_once(submission: Submission) -> Outcome:
        return InDoubt("no answer") if submission.attempt == 1 else await accept(submission)

    queued = await fill_queue(pool, 2)
    carrier = ScriptedCarrier(answer=doubt_once, look_ups=look_up)
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 2}
    assert carrier.asked == {there: 1, missing: 2}
    assert await attempts_of(pool, queued.message_ids[0]) == [(1, 1, "SM9")]
    await check_history(pool)


async def test_a_receipt_settles_what_was_in_doubt_at_once(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)
    patient = replace(QUICK, look_up_after=(60.0,), doubt_limit=900.0)
    async with dispatching(pool, ScriptedCarrier(answer=doubt), settings=patient):

        async def in_doubt() -> bool:
            return bool(
                await pool.fetchval(
                    "SELECT count(*) FROM dispatch WHERE in_doubt_since IS NOT NULL"
                )
            )

        await wait_until(in_doubt, 5, "the message is in doubt")
        await store_receipts(pool, [receipt(queued, DELIVERED)])
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"delivered": 1}
    assert await attempts_of(pool, queued.message_ids[0]) == [(1, 1, "SM1")]
    await check_history(pool)


def receipt(queued: Queued, state: int, reason: str | None = None) -> StoredReceipt:
    return StoredReceipt(queued.message_ids[0], 1, state, "null", "SM1", reason, None)


async def test_receipts_move_a_status_forward_only_in_whatever_order_they_come(pool: Pool) -> None:
    orders = [
        ([SENT, DELIVERED], 4),
        ([DELIVERED, SENT], 4),
        ([DELIVERED, UNDELIVERED], 4),
        ([UNDELIVERED, DELIVERED], 5),
        ([UNDELIVERED, SENT, SENT], 5),
        ([SENT, SENT], 3),
    ]
    for number, (states, wanted) in enumerate(orders):
        queued = await fill_queue(pool, 1, name=f"N{number}", sender=f"+1212555018{number}")
        await pool.execute(
            "UPDATE message SET status = 2, version = 2 WHERE id = $1", queued.message_ids[0]
        )
        await pool.execute(
            "INSERT INTO status_event (instance_id, message_id, version, status, previous_status)"
            " VALUES ($1, $2, 2, 2, 1)",
            queued.instance_id,
            queued.message_ids[0],
        )
        for state in states:
            await store_receipts(pool, [receipt(queued, state, "NUMBER.UNREACHABLE")] * 2)
            await apply_receipts(pool, 500)
        status = await pool.fetchval(
            "SELECT status FROM message WHERE id = $1", queued.message_ids[0]
        )
        assert status == wanted, states
    assert await pool.fetchval("SELECT count(*) FROM receipt") == 0
    await check_history(pool)


async def test_a_receipt_that_overtakes_the_answer_is_not_undone_by_it(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)

    async def deliver_first(submission: Submission) -> Outcome:
        await store_receipts(pool, [receipt(queued, DELIVERED)])

        async def delivered() -> bool:
            return bool(await pool.fetchval("SELECT status = 4 FROM message"))

        await wait_until(delivered, 5, "the receipt is applied")
        return await accept(submission)

    async with dispatching(pool, ScriptedCarrier(answer=deliver_first)):
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"delivered": 1}
    assert len(await attempts_of(pool, queued.message_ids[0])) == 1
    await check_history(pool)


async def test_a_stopping_dispatcher_lets_calls_end_and_gives_back_the_rest(pool: Pool) -> None:
    release = asyncio.Event()

    async def slow(submission: Submission) -> Outcome:
        await release.wait()
        return await accept(submission)

    queued = await fill_queue(pool, 300)
    carrier = ScriptedCarrier(answer=slow)
    asyncio.get_running_loop().call_later(0.5, release.set)
    async with dispatching(pool, carrier):
        await carrier.arrived.wait()
    left = await pool.fetchval("SELECT count(*) FROM dispatch")
    assert await pool.fetchval("SELECT count(*) FROM dispatch WHERE owner IS NOT NULL") == 0
    assert await statuses(pool, queued.mass_message_id) == {
        "sent": len(carrier.submissions),
        "pending": left,
    }
    async with dispatching(pool, carrier):
        await until_settled(pool)
    assert set(carrier.asked.values()) == {1} and len(carrier.asked) == 300


async def test_outcomes_survive_a_database_that_goes_away(pool: Pool, database_url: str) -> None:
    queued = await fill_queue(pool, 200)
    carrier = ScriptedCarrier()

    async def cut_then_accept(submission: Submission) -> Outcome:
        if len(carrier.submissions) in (10, 150):
            killer = await asyncpg.connect(database_url)
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await killer.close()
        return await accept(submission)

    carrier.answer = cut_then_accept
    settings = replace(QUICK, lease=6.0, call=1.0, call_margin=1.0)
    async with dispatching(pool, carrier, settings=settings):

        async def settled() -> bool:
            try:
                return await queue_is_empty(pool)
            except DATABASE_FAILURES:
                return False

        await wait_until(settled, 30, "the queue is empty")
    assert max(carrier.asked.values()) == 1
    found = await statuses(pool, queued.mass_message_id)
    assert found.get("sent", 0) + found.get("failed", 0) == 200
    await check_history(pool)


async def test_rescue_gives_back_what_was_not_begun_and_doubts_what_was(pool: Pool) -> None:
    queued = await fill_queue(pool, 2)
    await pool.execute(
        "UPDATE dispatch SET owner = new_id(), lease_until = now() - interval '1 s', fence = 1"
    )
    await pool.execute(
        "UPDATE dispatch SET submitting_time = now(), attempts = 1 WHERE message_id = $1",
        queued.message_ids[0],
    )
    assert await rescue(pool, most=500, look_after=5) == (1, 1)
    carrier = ScriptedCarrier(look_ups=lambda _: Found("SM1", ReceiptState.SENT))
    async with dispatching(pool, carrier):
        await wait_until(lambda: bool(carrier.submissions), 5, "the ready one is sent")
        await pool.execute("UPDATE dispatch SET due_time = now()")
        await until_settled(pool)
    assert [s.message_id for s in carrier.submissions] == [queued.message_ids[1]]
