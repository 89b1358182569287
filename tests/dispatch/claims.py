"""Claims as a dispatcher makes them, without its loops."""

from uuid import UUID

from outbound_sms.clock import lease_clock
from outbound_sms.dispatch.openings import Openings
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import Claimed, OpenGroup
from outbound_sms.store.pool import Pool

OWNER = UUID(int=7)


async def open_groups(pool: Pool, sending_number_id: UUID) -> list[OpenGroup]:
    """The groups of a number that quiet hours leave open now, in the order of sending."""
    looked_at = lease_clock()
    ready = Openings().find(await store.ready_groups(pool), looked_at)
    return next((n.groups for n in ready if n.sending_number_id == sending_number_id), [])


async def claim(
    pool: Pool, sending_number_id: UUID, most: int = 1000, owner: UUID = OWNER
) -> list[Claimed]:
    """Leases what the number may send now."""
    groups = await open_groups(pool, sending_number_id)
    return await store.claim(pool, groups, most_each=most, owner=owner, lease_seconds=45)
