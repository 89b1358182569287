"""Texts that a carrier took in parts, and receipts that name nothing but those."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, Settled
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import StoredReceipt, apply_receipts, refund, store_receipts
from outbound_sms.store.submitted_parts import PartReceipt, store_part_receipts
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import intend
from tests.dispatch.queue_factory import PRICE, Queued, fill_queue

FUNDS = 10 * PRICE
CARRIER = "null"

_senders = (f"+1303{5_550_100 + n}" for n in count())


def accepted(message: Claimed, *parts: str, carrier: str = CARRIER) -> Settled:
    """The answer of a carrier that took the message in these parts."""
    return Settled(
        message.message_id,
        message.fence,
        MessageStatus.SENT,
        None,
        carrier,
        AttemptOutcome.ACCEPTED,
        parts[0] if parts else None,
        None,
        parts,
    )


async def settle(pool: Pool, *settled: Settled) -> set[UUID]:
    """Writes answers in the order in which they came."""
    return await store.settle(pool, settled, owner=OWNER)


async def submitting(
    pool: Pool, messages: int = 1, *, segments: int = 1
) -> tuple[Queued, list[Claimed]]:
    """Texts of a new instance that are being handed over, their price held."""
    sender = next(_senders)
    queued = await fill_queue(
        pool,
        messages,
        name=sender,
        sender=sender,
        segments=segments,
        funds=max(messages * PRICE, FUNDS),
    )
    claimed = await claim(pool, queued.sending_number_id, messages)
    await intend(pool, claimed)
    return queued, claimed


async def in_parts(pool: Pool, *parts: str) -> tuple[Queued, UUID]:
    """One text that a carrier took in these parts."""
    queued, (message,) = await submitting(pool)
    await settle(pool, accepted(message, *parts))
    return queued, message.message_id


def of(
    part: str, state: int, reason: str | None = None, carrier_code: str | None = None
) -> PartReceipt:
    """A receipt for a part."""
    return PartReceipt(CARRIER, part, state, reason, carrier_code)


async def come(pool: Pool, *receipts: PartReceipt | StoredReceipt) -> None:
    """Receipts that come together; they are applied, and refunds made."""
    await store_part_receipts(pool, [each for each in receipts if isinstance(each, PartReceipt)])
    await store_receipts(pool, [each for each in receipts if isinstance(each, StoredReceipt)])
    await apply_receipts(pool, 1_000)
    await refund(pool, 1_000)


async def status_of(pool: Pool, message_id: UUID) -> int:
    """What has become of a text."""
    status: int = await pool.fetchval("SELECT status FROM message WHERE id = $1", message_id)
    return status


async def state_of_parts(pool: Pool) -> Sequence[tuple[str, int, int, int | None]]:
    """Id, number, count and state of every part, by id."""
    rows = await pool.fetch(
        "SELECT carrier_message_id, part, parts, state FROM submitted_part ORDER BY 1"
    )
    return [tuple(row) for row in rows]


async def parked(pool: Pool) -> int:
    """Receipts whose id is nobody's."""
    count: int = await pool.fetchval("SELECT count(*) FROM parked_receipt")
    return count


async def waiting(pool: Pool, sessions: int) -> bool:
    """Whether so many sessions wait for a lock."""
    count = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock'"
    )
    return bool(count == sessions)
