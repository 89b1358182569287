"""Leases that run out, that a change of the clock made too long, or that their owner gives up."""

from uuid import UUID

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("leases")

IMPOSSIBLE = 10
"""How many times as long as ours a lease must be to be taken for the work of a clock set back; that
of a server with other settings is not."""


async def rescue(db: Database, *, most: int, look_after: float) -> tuple[int, int]:
    """Takes up to `most` messages from expired leases. Returns (ready, in doubt)."""
    rows = await db.fetch(_SQL["rescue"], most, look_after)
    in_doubt = sum(1 for row in rows if row["in_doubt"])
    return len(rows) - in_doubt, in_doubt


async def shorten(db: Database, *, most: int, lease_seconds: float) -> int:
    """Cuts up to `most` impossibly long leases to `lease_seconds` from now; how many there were.

    Nothing but a clock that was set back makes such leases, and without this their messages would
    wait for as long as that if their worker is gone.
    """
    longest = IMPOSSIBLE * lease_seconds
    return len(await db.fetch(_SQL["shorten"], lease_seconds, longest, most))


async def release(db: Database, *, owner: UUID) -> int:
    """Gives back everything that `owner` has claimed and not begun to hand over."""
    return len(await db.fetch(_SQL["release"], owner))
