"""Messages in doubt: their carrier may have accepted them, and that is to be found out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("doubts")


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A message that its carrier may have accepted, under a lease taken to find out.

    `doubt_age` is in seconds. `resent`: it was sent once more after an earlier unknown outcome.
    """

    message_id: UUID
    fence: int
    attempts: int
    failures: int
    submitting_time: datetime
    doubt_age: float
    valid_until: datetime
    sender: str
    carrier: str
    phone: str
    body: str
    resend_unknown_outcome: bool
    resent: bool
    receipt_seen: bool


async def doubt(
    db: Database, leases: Sequence[tuple[UUID, int]], *, owner: UUID, look_after: float
) -> set[UUID]:
    """Sets messages (id, fence) aside as in doubt. Returns those whose lease still held."""
    ids, fences = [lease[0] for lease in leases], [lease[1] for lease in leases]
    return {row[0] for row in await db.fetch(_SQL["doubt"], owner, ids, fences, look_after)}


async def claim_in_doubt(
    db: Database, *, most: int, owner: UUID, lease_seconds: float
) -> list[Doubtful]:
    """Leases messages in doubt that are due for a look."""
    rows = await db.fetch(_SQL["claim_in_doubt"], most, owner, lease_seconds)
    return [Doubtful(**row) for row in rows]


async def known_carrier_ids(db: Database, phone: str, since: datetime) -> frozenset[str]:
    """Carrier message ids of other messages to `phone`, submitted at `since` or later."""
    return frozenset(row[0] for row in await db.fetch(_SQL["known_carrier_ids"], phone, since))
