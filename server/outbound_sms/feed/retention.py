"""Deletes what is older than the feed is kept, a little at a time."""

import asyncio
import random
from datetime import timedelta

import structlog

from outbound_sms.store import feed_upkeep
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

_log = structlog.get_logger(__name__)

KEEP = timedelta(days=7)
EVERY = 300.0
_CHUNK = 2_000


async def expire(pool: Pool, keep: timedelta = KEEP) -> int:
    """Deletes rows that were fed longer ago than `keep`; returns how many.

    The horizon moves first and is committed: a reader from before it is told that its cursor has
    expired, and cannot meet a gap. Age is that of the tick, not of the events, since an event of a
    long transaction is old when it is first seen.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not await feed_upkeep.expire(connection, keep):
            return 0
    total = 0
    while deleted := await feed_upkeep.delete_expired(pool, _CHUNK):
        total += deleted
    return total


async def run(pool: Pool, keep: timedelta = KEEP, every: float = EVERY) -> None:
    """Expires about every `every` seconds, until cancelled."""
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * every)
        try:
            deleted = await expire(pool, keep)
        except DATABASE_FAILURES as error:
            # The ticker says it when the database is away; here the next turn makes up for it.
            _log.warning("feed_retention_failed", error=type(error).__name__)
        else:
            if deleted:
                _log.info("feed_expired", rows=deleted)
