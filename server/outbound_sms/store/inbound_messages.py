"""What people texted to our sending numbers, as it is listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("inbound_messages")


@dataclass(frozen=True, slots=True)
class UnclassifiedReply:
    """A text that is none of the keywords, and the contacts of the instance that may have written.

    `e164` is who wrote.
    """

    id: UUID
    e164: str
    sending_number_id: UUID
    body: str
    contact_ids: Sequence[UUID]
    receive_time: datetime


async def list_unclassified(
    db: Database, instance_id: UUID, before: UUID | None, limit: int
) -> list[UnclassifiedReply]:
    """Texts to the instance's sending numbers with an id before `before`, newest first."""
    rows = await db.fetch(_SQL["list_unclassified"], instance_id, before, limit)
    return [UnclassifiedReply(**row) for row in rows]
