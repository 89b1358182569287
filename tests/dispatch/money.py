"""What tests of the dispatcher ask about money, and the shortest ways to move it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, Settled
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import FAILED, StoredReceipt
from tests.dispatch.claims import OWNER

KINDS = {1: "top-up", 2: "hold", 3: "capture", 4: "release", 5: "refund", 6: "adjustment"}


async def balance(pool: Pool, instance_id: UUID) -> tuple[int, int, int]:
    """Available, held and spent, in micros."""
    row = await pool.fetchrow(
        "SELECT available_micros, held_micros, spent_micros FROM balance WHERE instance_id = $1",
        instance_id,
    )
    assert row is not None
    return tuple(row)


async def entries(pool: Pool, message_id: UUID) -> list[str]:
    """What the ledger says of a message, oldest first."""
    rows = await pool.fetch(
        "SELECT kind FROM ledger_entry WHERE message_id = $1 ORDER BY id", message_id
    )
    return [KINDS[row["kind"]] for row in rows]


async def with_status(pool: Pool, status: MessageStatus) -> list[UUID]:
    """The messages that have a status, oldest first."""
    rows = await pool.fetch("SELECT id FROM message WHERE status = $1 ORDER BY id", status)
    return [row["id"] for row in rows]


async def intend(pool: Pool, claimed: Sequence[Claimed]) -> None:
    """As before a hand-over."""
    intended = await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=1)
    assert len(intended) == len(claimed)


async def settle(pool: Pool, claimed: Iterable[Claimed], *, accepted: bool = True) -> set[UUID]:
    """As after a hand-over that the carrier accepted or refused."""
    status = MessageStatus.SENT if accepted else MessageStatus.FAILED
    outcome = AttemptOutcome.ACCEPTED if accepted else AttemptOutcome.REFUSED
    reason = None if accepted else "NUMBER.INVALID"
    return await store.settle(
        pool,
        [Settled(m.message_id, m.fence, status, reason, "null", outcome) for m in claimed],
        owner=OWNER,
    )


def receipt(message_id: UUID, state: int = FAILED) -> StoredReceipt:
    """A receipt for the first attempt."""
    return StoredReceipt(message_id, 1, state, "null", "SM1", None, None)
