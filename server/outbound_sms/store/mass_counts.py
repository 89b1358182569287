"""Whether the counts of a mass message are up to date; the tick of the feed keeps them."""

from uuid import UUID

from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("mass_counts")


async def counts_follow(db: Database, instance_id: UUID, mass_message_id: UUID) -> bool:
    """Whether the counts of the mass message have every committed change of its texts."""
    follow: bool = await db.fetchval(_SQL["counts_follow"], instance_id, mass_message_id)
    return follow
