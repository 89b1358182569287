"""Looks again at receipts whose id was nobody's, and forgets the ids that nobody asks for."""

import structlog

from outbound_sms import metrics
from outbound_sms.store import submitted_parts as store
from outbound_sms.store.pool import Pool

log = structlog.get_logger(__name__)

BATCH = 500


class PartReceipts:
    """What one process does about carriers whose receipts name nothing but their own ids.

    Any number of processes may do it on one database.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looked_until = store.NOTHING_YET

    async def match_parked(self) -> int:
        """Stores parked receipts whose message is known by now, and drops those that have waited
        for 15 minutes. Returns how many it looked at; without any it costs one short query."""
        if not await store.parked_is_due(self._pool):
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            taken = await store.take_parked(connection, BATCH)
            unknown = await store.store_part_receipts(connection, taken)
        for carrier, count in unknown.items():
            metrics.RECEIPTS.labels("unknown").inc(count)
            log.warning(
                "receipts for messages that are not ours",
                action="receipts",
                carrier=carrier,
                receipts=count,
                hint="does another system send over the same account of the carrier?",
            )
        return len(taken)

    async def forget(self) -> int:
        """Forgets some parts. Returns how many it looked at, 0 when there is no more to forget."""
        looked_at, self._looked_until = await store.forget_final_parts(
            self._pool, self._looked_until
        )
        return looked_at + await store.forget_old_parts(self._pool)
