"""A ledger with a text in every state that money knows, made by the dispatcher's statements."""

from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store import receipts
from outbound_sms.store.doubts import doubt
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import DELIVERED, FAILED, UNDELIVERED
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import intend, receipt, settle
from tests.dispatch.queue_factory import PRICE, fill_queue

TOP_UP = 1_000_000
"""What was topped up, in micros."""


@dataclass(frozen=True, slots=True)
class Books:
    """Ids: of an instance, of another one, of a top-up that succeeded and one that did not, and of
    the instance's texts by what has become of them. Of `early` the receipt came before the answer
    of the carrier. `free` was accepted before the ledger, and `waiting` is the other instance's."""

    instance: UUID
    other: UUID
    top_up: UUID
    declined: UUID
    sent: UUID
    delivered: UUID
    refused: UUID
    undelivered: UUID
    refunded: UUID
    doubtful: UUID
    leased: UUID
    early: UUID
    unpaid: UUID
    free: UUID
    waiting: UUID


async def make_books(pool: Pool) -> Books:
    """Two instances; the first has money for eight of nine texts."""
    queued = await fill_queue(pool, 9, funds=8 * PRICE)
    other = await fill_queue(pool, 1, name="Other", sender="+12025550198", funds=PRICE)
    claimed = await claim(pool, queued.sending_number_id)
    sent, delivered, refused, undelivered, refunded, doubtful, leased, early = claimed
    await intend(pool, [sent, delivered, refused, undelivered, refunded, doubtful, early])
    await settle(pool, [sent, delivered, undelivered, refunded])
    await settle(pool, [refused], accepted=False)
    await receipts.store_receipts(
        pool,
        [
            receipt(delivered.message_id, DELIVERED),
            receipt(undelivered.message_id, UNDELIVERED),
            receipt(refunded.message_id, FAILED),
            receipt(early.message_id, DELIVERED),
        ],
    )
    await receipts.apply_receipts(pool, 10)
    await receipts.refund(pool, 10)
    await doubt(pool, [(doubtful.message_id, doubtful.fence)], owner=OWNER, look_after=60)
    unpaid = await pool.fetchval("SELECT id FROM message WHERE status = 6")
    top_ups = [
        await pool.fetchval(
            "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
            "payment_method, state, finish_time) "
            "VALUES ($1, false, $2, 'USD', '', 'pm_card_visa', $3, now()) RETURNING id",
            queued.instance_id,
            TOP_UP,
            state,
        )
        for state in (3, 4)
    ]
    await pool.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id) "
        "VALUES ($1, 1, $2, $3)",
        queued.instance_id,
        TOP_UP,
        top_ups[0],
    )
    free = await pool.fetchval(
        "INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, "
        "sending_number_id, body_id, phone, billable_segments, carrier_segments, kind, status, "
        "cost_micros) SELECT instance_id, mass_message_id, account_id, contact_id, "
        "sending_number_id, body_id, '+12125550199', 1, 1, 1, 3, cost_micros "
        "FROM message WHERE id = $1 RETURNING id",
        sent.message_id,
    )
    return Books(
        instance=queued.instance_id,
        other=other.instance_id,
        top_up=top_ups[0],
        declined=top_ups[1],
        sent=sent.message_id,
        delivered=delivered.message_id,
        refused=refused.message_id,
        undelivered=undelivered.message_id,
        refunded=refunded.message_id,
        doubtful=doubtful.message_id,
        leased=leased.message_id,
        early=early.message_id,
        unpaid=unpaid,
        free=free,
        waiting=other.message_ids[0],
    )
