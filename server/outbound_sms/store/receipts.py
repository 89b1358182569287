"""Delivery receipts: written to an inbox before the carrier is answered, then applied."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("receipts")

SENT, DELIVERED, UNDELIVERED, FAILED = 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt for one attempt. `state` is 2 sent, 3 delivered, 4 undelivered or 5 failed."""

    message_id: UUID
    attempt: int
    state: int
    carrier: str
    carrier_message_id: str | None
    reason: str | None
    carrier_code: str | None


async def store_receipts(db: Database, receipts: Sequence[StoredReceipt]) -> None:
    """Stores receipts durably. One that is stored already changes nothing."""
    # In the order of messages, so that two that store the same ones do not wait for each other.
    receipts = sorted(receipts, key=lambda receipt: receipt.message_id)
    await db.execute(
        _SQL["store_receipts"],
        [r.message_id for r in receipts],
        [r.attempt for r in receipts],
        [r.state for r in receipts],
        [r.carrier for r in receipts],
        [r.carrier_message_id for r in receipts],
        [r.reason for r in receipts],
        [r.carrier_code for r in receipts],
    )


async def refund(db: Database, most: int) -> int:
    """Refunds up to `most` texts that their carrier did not charge for. Returns how many were
    looked at; what is still to be captured is left for a later call."""
    count: int = await db.fetchval(_SQL["refund"], most)
    return count


async def apply_receipts(db: Database, most: int) -> int:
    """Applies up to `most` stored receipts to their messages. Returns how many were taken."""
    count: int = await db.fetchval(_SQL["apply_receipts"], most)
    return count
