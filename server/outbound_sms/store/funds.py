"""What money of an instance there is and is to come, for a preview."""

from uuid import UUID

from outbound_sms.domain.shortfall import Funds
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("funds")


async def get_funds(db: Database, instance_id: UUID) -> Funds:
    """The money of the instance as it is now."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    assert row is not None
    return Funds(**row)
