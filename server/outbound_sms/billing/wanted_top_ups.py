"""Opens automatic top-ups that no claim opens: when the hour after a decline is over, or a new day
or month has made room below a cap, an instance may have no text left to claim."""

from outbound_sms.store import auto_buy
from outbound_sms.store.pool import Pool


async def open_wanted_once(pool: Pool) -> int:
    """Opens what is wanted and allowed now; returns how many instances have one open by that."""
    wanted = await auto_buy.list_wanted(pool)
    return sum([await auto_buy.open_wanted(pool, instance_id) for instance_id in wanted])
