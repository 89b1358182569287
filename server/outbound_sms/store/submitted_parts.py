"""Receipts that name nothing but the carrier's id of a part, and what those ids stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("submitted_parts")

PARKED_FOR = timedelta(minutes=15)
"""How long a receipt waits for its id to be known."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=500), timedelta(minutes=1)
"""Between two looks at a parked receipt: as long as it has been parked, within these bounds."""
KEPT_FOR = timedelta(days=7)
"""How long the parts of a message are known that never comes to an end."""
FINAL_KEPT_FOR = timedelta(days=1)
"""The same where the message has come to an end: a repeated receipt is still somebody's."""
NOTHING_YET = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PartReceipt:
    """A receipt for a part that a carrier took. `state` as in `StoredReceipt`.

    `recipient` (E.164) and `reference` are what else it says of its message. `message_id` and
    `attempt` are there where they are known already, and the message has one part; `of_message`
    where it has several. `receive_time` is when it came first; None: now.
    """

    carrier: str
    carrier_message_id: str
    state: int
    reason: str | None = None
    carrier_code: str | None = None
    recipient: str | None = None
    reference: int | None = None
    receive_time: datetime | None = None
    message_id: UUID | None = None
    attempt: int | None = None
    of_message: UUID | None = None


async def store_part_receipts(db: Database, receipts: Sequence[PartReceipt]) -> Mapping[str, int]:
    """Stores receipts durably, in the order in which they came; one that is stored already changes
    nothing. Returns by carrier how many had waited for `PARKED_FOR`: those are dropped."""
    rows = await db.fetch(
        _SQL["store_receipts"],
        [r.carrier for r in receipts],
        [r.carrier_message_id for r in receipts],
        [r.state for r in receipts],
        [r.reason for r in receipts],
        [r.carrier_code for r in receipts],
        [r.recipient for r in receipts],
        [r.reference for r in receipts],
        [r.message_id for r in receipts],
        [r.attempt for r in receipts],
        [r.receive_time for r in receipts],
        PARKED_FOR,
        SHORTEST_PAUSE,
        LONGEST_PAUSE,
        [r.of_message for r in receipts],
    )
    return {row[0]: row[1] for row in rows}


async def parked_is_due(db: Database) -> bool:
    """Whether a parked receipt is to be looked at again."""
    due: bool = await db.fetchval(_SQL["parked_is_due"])
    return due


async def take_parked(connection: Connection, most: int) -> list[PartReceipt]:
    """Takes up to `most` parked receipts that are to be looked at again, oldest first.

    They are to be stored anew in the transaction that the connection must be in.
    """
    rows = await connection.fetch(_SQL["take_parked"], most)
    return [PartReceipt(*row) for row in sorted(rows, key=lambda row: row["receive_time"])]


async def forget_old_parts(db: Database, limit: int = 1_000) -> int:
    """Forgets up to `limit` parts that are older than `KEPT_FOR`; returns how many."""
    status = await db.execute(_SQL["forget_old"], KEPT_FOR, limit)
    return int(status.rpartition(" ")[2])


async def forget_final_parts(
    db: Database, after: datetime, limit: int = 1_000
) -> tuple[int, datetime]:
    """Forgets the parts of messages that have come to an end among the next `limit` that were
    submitted after `after` and are older than `FINAL_KEPT_FOR`.

    Returns how many it looked at, and what to go on after.
    """
    row = await db.fetchrow(_SQL["forget_final"], after, FINAL_KEPT_FOR, limit)
    assert row is not None
    return row["looked_at"], row["until"] or after
