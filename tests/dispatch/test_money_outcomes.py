"""Money after the claim: captured, released or refunded, each once, whatever overtakes what."""

import asyncio
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store import doubts, leases
from outbound_sms.store.dispatch import Claimed
from outbound_sms.store.mass_control import fail_expired, fail_ready
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import (
    DELIVERED,
    FAILED,
    SENT,
    UNDELIVERED,
    apply_receipts,
    refund,
    store_receipts,
)
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import balance, entries, intend, receipt, settle, with_status
from tests.dispatch.queue_factory import PRICE, Queued, add_triggered, fill_queue

FUNDS = 10 * PRICE
HELD = (9 * PRICE, PRICE, 0)
PAID = (9 * PRICE, 0, PRICE)
BACK = (10 * PRICE, 0, 0)


async def submitted(pool: Pool) -> tuple[Queued, Claimed]:
    """A text that is being handed over, its price held."""
    queued = await fill_queue(pool, 1, funds=FUNDS)
    (claimed,) = await claim(pool, queued.sending_number_id)
    await intend(pool, [claimed])
    assert await balance(pool, queued.instance_id) == HELD
    return queued, claimed


async def in_doubt(pool: Pool) -> tuple[Queued, Claimed]:
    """A text whose carrier did not answer."""
    queued, claimed = await submitted(pool)
    lease = [(claimed.message_id, claimed.fence)]
    await doubts.doubt(pool, lease, owner=OWNER, look_after=0)
    return queued, claimed


async def apply(pool: Pool, message_id: UUID, *states: int) -> None:
    """Receipts as they come, each applied at once, and refunds."""
    for state in states:
        await store_receipts(pool, [receipt(message_id, state)])
        await apply_receipts(pool, 100)
        await refund(pool, 100)


async def test_what_the_carrier_accepts_is_captured(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await settle(pool, [claimed])
    assert await balance(pool, queued.instance_id) == PAID
    assert await entries(pool, claimed.message_id) == ["hold", "capture"]


async def test_what_the_carrier_refuses_is_released(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await settle(pool, [claimed], accepted=False)
    assert await balance(pool, queued.instance_id) == BACK
    assert await entries(pool, claimed.message_id) == ["hold", "release"]


async def test_an_outcome_that_is_written_twice_moves_money_once(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    written = await asyncio.gather(*(settle(pool, [claimed]) for _ in range(8)))
    assert sum(len(ids) for ids in written) == 1
    assert await settle(pool, [claimed], accepted=False) == set()
    assert await balance(pool, queued.instance_id) == PAID


async def test_a_lease_that_was_lost_moves_no_money(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await pool.execute("UPDATE dispatch SET lease_until = now() - interval '1 second'")
    await leases.rescue(pool, most=10, look_after=60)
    await settle(pool, [claimed])
    assert await balance(pool, queued.instance_id) == HELD


async def test_what_is_in_doubt_keeps_its_hold_until_it_is_known(pool: Pool) -> None:
    queued, claimed = await in_doubt(pool)
    assert await balance(pool, queued.instance_id) == HELD
    (doubtful,) = await doubts.claim_in_doubt(pool, most=1, owner=OWNER, lease_seconds=45)
    assert await balance(pool, queued.instance_id) == HELD
    outcome = store.Settled(
        claimed.message_id,
        doubtful.fence,
        MessageStatus.FAILED,
        "UNCERTAIN.OUTCOME_UNKNOWN",
        "null",
        store.AttemptOutcome.UNKNOWN,
    )
    await store.settle(pool, [outcome], owner=OWNER)
    assert await balance(pool, queued.instance_id) == BACK, "nobody can show that it was sent"


@pytest.mark.parametrize(
    ("state", "after"), [(SENT, PAID), (DELIVERED, PAID), (UNDELIVERED, PAID), (FAILED, BACK)]
)
async def test_a_receipt_that_ends_a_doubt_settles_its_money(
    pool: Pool, state: int, after: tuple[int, int, int]
) -> None:
    queued, claimed = await in_doubt(pool)
    await apply(pool, claimed.message_id, state)
    assert await pool.fetchval("SELECT count(*) FROM dispatch") == 0
    assert await balance(pool, queued.instance_id) == after
    assert await entries(pool, claimed.message_id) == [
        "hold",
        "release" if after == BACK else "capture",
    ]
    assert await pool.fetchval("SELECT count(*) FROM refund_due") == 0


async def test_what_failed_without_being_charged_is_refunded_once(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await settle(pool, [claimed])
    await apply(pool, claimed.message_id, SENT, FAILED, FAILED, UNDELIVERED)
    assert await entries(pool, claimed.message_id) == ["hold", "capture", "refund"]
    assert await balance(pool, queued.instance_id) == BACK


async def test_what_could_not_be_delivered_is_charged(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await settle(pool, [claimed])
    await apply(pool, claimed.message_id, UNDELIVERED, FAILED)
    assert await entries(pool, claimed.message_id) == ["hold", "capture"]
    assert await balance(pool, queued.instance_id) == PAID


async def test_a_receipt_may_overtake_the_answer_and_is_refunded_after_it(pool: Pool) -> None:
    queued, claimed = await submitted(pool)
    await apply(pool, claimed.message_id, FAILED)
    assert await balance(pool, queued.instance_id) == HELD
    assert await pool.fetchval("SELECT count(*) FROM refund_due") == 1
    await settle(pool, [claimed])
    assert await balance(pool, queued.instance_id) == PAID
    await refund(pool, 100)
    assert await balance(pool, queued.instance_id) == BACK
    assert await entries(pool, claimed.message_id) == ["hold", "capture", "refund"]


async def test_refunds_at_once_give_money_back_once(pool: Pool) -> None:
    queued = await fill_queue(pool, 300, funds=300 * PRICE)
    claimed = await claim(pool, queued.sending_number_id)
    await intend(pool, claimed)
    await settle(pool, claimed)
    await store_receipts(pool, [receipt(m.message_id) for m in claimed])
    await apply_receipts(pool, 1_000)
    assert sum(await asyncio.gather(*(refund(pool, 40) for _ in range(30)))) == 300
    assert await balance(pool, queued.instance_id) == (300 * PRICE, 0, 0)


async def test_a_text_that_a_late_receipt_shows_as_sent_is_captured_when_it_is_dropped(
    pool: Pool,
) -> None:
    """Given back as surely not sent, and the carrier had it after all."""
    queued, claimed = await submitted(pool)
    back = store.GivenBack(
        claimed.message_id, claimed.fence, 0, 1, "null", store.AttemptOutcome.NOT_SENT
    )
    await store.give_back(pool, [back], owner=OWNER)
    await apply(pool, claimed.message_id, DELIVERED)
    assert await claim(pool, queued.sending_number_id) == []
    assert await balance(pool, queued.instance_id) == PAID
    await check_history(pool)


async def test_a_cancelled_mass_message_gets_back_what_was_held(pool: Pool) -> None:
    queued = await fill_queue(pool, 4, funds=FUNDS)
    claimed = await claim(pool, queued.sending_number_id, most=2)
    back = [
        store.GivenBack(m.message_id, m.fence, 0, 0, "null", store.AttemptOutcome.NONE)
        for m in claimed
    ]
    await store.give_back(pool, back, owner=OWNER)
    async with pool.acquire() as connection:
        await fail_ready(connection, queued.mass_message_id, "POLICY.CANCELLED", 10)
    assert await balance(pool, queued.instance_id) == BACK
    assert await entries(pool, claimed[0].message_id) == ["hold", "release"]
    assert await entries(pool, queued.message_ids[3]) == []
    assert len(await with_status(pool, MessageStatus.FAILED)) == 4


async def test_a_text_whose_validity_passes_gets_back_what_was_held(pool: Pool) -> None:
    queued = await fill_queue(pool, 0, funds=FUNDS)
    await add_triggered(pool, queued, 1)
    (claimed,) = await claim(pool, queued.sending_number_id)
    back = store.GivenBack(
        claimed.message_id, claimed.fence, 0, 0, "null", store.AttemptOutcome.NONE
    )
    await store.give_back(pool, [back], owner=OWNER)
    await pool.execute("UPDATE dispatch SET valid_until = now() - interval '1 second'")
    assert await fail_expired(pool, {claimed.message_id: "EXPIRY.VALIDITY"}) == 1
    assert await balance(pool, queued.instance_id) == BACK


async def test_a_refusal_after_a_receipt_has_shown_the_text_as_sent_is_captured(pool: Pool) -> None:
    """The receipt is of an earlier attempt, of which nobody knew that it had been accepted."""
    queued, claimed = await submitted(pool)
    await apply(pool, claimed.message_id, DELIVERED)
    await settle(pool, [claimed], accepted=False)
    assert await with_status(pool, MessageStatus.DELIVERED) == [claimed.message_id]
    assert await balance(pool, queued.instance_id) == PAID


async def test_a_text_that_expires_after_a_receipt_has_shown_it_as_sent_is_captured(
    pool: Pool,
) -> None:
    queued = await fill_queue(pool, 0, funds=FUNDS)
    await add_triggered(pool, queued, 1)
    (claimed,) = await claim(pool, queued.sending_number_id)
    await intend(pool, [claimed])
    back = store.GivenBack(
        claimed.message_id, claimed.fence, 0, 1, "null", store.AttemptOutcome.NOT_SENT
    )
    await store.give_back(pool, [back], owner=OWNER)
    await apply(pool, claimed.message_id, DELIVERED)
    await pool.execute("UPDATE dispatch SET valid_until = now() - interval '1 second'")
    await fail_expired(pool, {claimed.message_id: "EXPIRY.VALIDITY"})
    assert await with_status(pool, MessageStatus.DELIVERED) == [claimed.message_id]
    assert await balance(pool, queued.instance_id) == PAID


async def test_claims_outcomes_and_receipts_of_many_instances_at_once_do_not_deadlock(
    pool: Pool,
) -> None:
    """Every path locks balances in one order, after messages or without waiting for those."""
    made = [
        await fill_queue(pool, 120, name=f"I{n}", sender=f"+120255501{n:02}", funds=100 * PRICE)
        for n in range(6)
    ]
    groups = [store.OpenGroup(each.sending_number_id, 5, "", None) for each in made]

    async def send(order: int) -> None:
        owner = uuid4()
        mine = groups[order:] + groups[:order]
        while claimed := await store.claim(pool, mine, most_each=7, owner=owner, lease_seconds=45):
            await store.intend(pool, claimed, carrier="null", owner=owner, lease_left=1)
            await store_receipts(pool, [receipt(m.message_id) for m in claimed[::3]])
            outcomes = [
                store.Settled(
                    m.message_id,
                    m.fence,
                    MessageStatus.FAILED if n % 5 == 0 else MessageStatus.SENT,
                    None,
                    "null",
                    store.AttemptOutcome.ACCEPTED,
                )
                for n, m in enumerate(claimed)
            ]
            await asyncio.gather(
                store.settle(pool, outcomes, owner=owner),
                apply_receipts(pool, 50),
                refund(pool, 50),
            )

    await asyncio.gather(*(send(order) for order in range(6)))
    while await apply_receipts(pool, 500) or await refund(pool, 500):
        pass
    for each in made:
        available, held, spent = await balance(pool, each.instance_id)
        assert held == 0
        assert available + spent == 100 * PRICE
    await check_history(pool)
