"""Tells the log that a balance has fallen below its threshold: once for each time that it falls."""

import structlog

from outbound_sms.store.balances import take_low_funds
from outbound_sms.store.pool import Pool

log = structlog.get_logger(__name__)


async def tell_low_funds_once(pool: Pool) -> int:
    """Logs balances that became low since anybody last told; returns how many."""
    fallen = await take_low_funds(pool)
    for low in fallen:
        log.warning(
            "low funds",
            action="low_funds",
            instance_id=str(low.instance_id),
            available_micros=low.available_micros,
            threshold_micros=low.low_funds_threshold_micros,
            hint="AddFunds, or switch on automatic top-ups with UpdateAutoBuy",
        )
    return len(fallen)
