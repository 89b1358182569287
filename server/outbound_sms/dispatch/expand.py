"""Expansion: from an accepted mass message to a text for each recipient, in chunks.

A chunk is one transaction: its texts, its queue rows, its events and the mark that says how far the
mass message has come. Whatever kills the process, the next one goes on behind the last mark.
"""

import asyncio
from functools import partial

from outbound_sms.dispatch.loops import repeat
from outbound_sms.store import expand
from outbound_sms.store.pool import Pool

# About 0.25 s of work: as long as a pause or a cancel waits for the row at most.
CHUNK_ACCOUNTS = 10_000
ACQUIRE_TIMEOUT = 5.0
INTERVAL = 0.25


async def run_expander(pool: Pool, stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Expands whatever waits until `stop` is set; `wake` makes it look at once."""
    await repeat(partial(expand_once, pool), name="expand", interval=INTERVAL, stop=stop, wake=wake)


async def expand_once(pool: Pool, chunk_accounts: int = CHUNK_ACCOUNTS) -> int:
    """Expands one chunk of one mass message; returns how many accounts it looked at.

    A chunk that finds no account left counts as one. 0 when nothing waits for expansion, or when
    other processes have all that does.
    """
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection, connection.transaction():
        work = await expand.lock_next(connection)
        if work is None:
            return 0
        chunk = await expand.find_chunk(connection, work, chunk_accounts)
        made = await expand.write_chunk(connection, work, chunk)
        complete = chunk.accounts < chunk_accounts
        await expand.advance(connection, work, chunk, made, complete=complete)
        return max(1, chunk.accounts)
