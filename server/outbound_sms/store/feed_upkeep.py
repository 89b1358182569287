"""What keeps the feed right over months: epochs, retention, and the rebase after a restore."""

from dataclasses import dataclass
from datetime import timedelta

from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database, Pool

_SQL = sql.load("feed")


@dataclass(frozen=True, slots=True)
class Epoch:
    """The positions that one history of one cluster gave out, from `start_pos` on."""

    number: int
    system_identifier: int
    timeline_id: int
    start_pos: int


async def read_cluster(db: Database) -> tuple[int, int]:
    """The cluster's system identifier and timeline. Raises asyncpg's errors where forbidden."""
    record = await db.fetchrow(_SQL["cluster"])
    if record is None:
        raise RuntimeError("the cluster query returns one row always")
    return record["system_identifier"], record["timeline_id"]


async def list_epochs(db: Database) -> list[Epoch]:
    """Every epoch, oldest first."""
    records = await db.fetch(_SQL["epochs"])
    return [
        Epoch(r["epoch"], r["system_identifier"], r["timeline_id"], r["start_pos"]) for r in records
    ]


async def lock_gate(connection: Connection) -> None:
    """Keeps every process from ticking until the transaction ends."""
    await connection.execute(_SQL["lock_gate"])


async def add_epoch(connection: Connection, system_identifier: int, timeline_id: int) -> None:
    """Starts an epoch after everything that is in the feed. The gate must be locked."""
    await connection.execute(_SQL["add_epoch"], system_identifier, timeline_id)


async def expire(connection: Connection, keep: timedelta) -> bool:
    """Moves the horizon up to what is older and thins the ticks; False if another process does.

    Must be in a transaction of its own, committed before `delete_expired`.
    """
    if not await connection.fetchval(_SQL["try_retention"]):
        return False
    await connection.execute(_SQL["move_horizon"], keep)
    await connection.execute(_SQL["thin_ticks"])
    return True


async def delete_expired(pool: Pool, most: int) -> int:
    """Deletes up to `most` rows that lie before the horizon, and says how many."""
    status = await pool.execute(_SQL["delete_expired"], most)
    return int(status.rsplit(" ", 1)[1])


async def rebase(connection: Connection) -> None:
    """The statements of a rebase, to be the first of a transaction; see `feed/rebase.py`."""
    snapshot: str = await connection.fetchval(_SQL["current_snapshot"])
    await connection.execute(_SQL["lock_events"])
    await lock_gate(connection)
    await connection.execute(_SQL["mark_unfed"])
    await connection.execute(_SQL["forget_old_ids"], snapshot)
    await connection.execute(_SQL["restart_ticks"], snapshot)
