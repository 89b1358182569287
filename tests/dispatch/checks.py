"""What must hold after every run of the dispatcher, whatever happened during it."""

from uuid import UUID

from outbound_sms.store.pool import Pool
from tests.waiting import wait_until

STATUS = {
    1: "pending",
    2: "in progress",
    3: "sent",
    4: "delivered",
    5: "failed",
    6: "insufficient funds",
}


async def statuses(pool: Pool, mass_message_id: UUID) -> dict[str, int]:
    """Messages of a mass message by status."""
    rows = await pool.fetch(
        "SELECT status, count(*) AS n FROM message WHERE mass_message_id = $1 GROUP BY 1",
        mass_message_id,
    )
    return {STATUS[row["status"]]: row["n"] for row in rows}


async def queue_is_empty(pool: Pool) -> bool:
    """Whether nothing is outstanding."""
    return not await pool.fetchval("SELECT EXISTS (SELECT 1 FROM dispatch)")


async def until_settled(pool: Pool) -> None:
    """Waits until nothing is outstanding."""
    await wait_until(lambda: queue_is_empty(pool), 20, "the queue is empty")


async def check_history(pool: Pool) -> None:
    """Every change of every message was recorded once, in order, and never went back, but for those
    that were requeued after their funds had not done."""
    broken = await pool.fetch(
        """
        SELECT m.id, m.status, m.version, array_agg(e.version ORDER BY e.seq) AS versions,
               array_agg(e.status ORDER BY e.seq) AS statuses,
               array_agg(e.previous_status ORDER BY e.seq) AS previous
          FROM message m LEFT JOIN status_event e ON e.message_id = m.id
         GROUP BY m.id
        HAVING array_agg(e.version ORDER BY e.seq)::int[]
                 IS DISTINCT FROM ARRAY(SELECT generate_series(1, m.version))::int[]
            OR (array_agg(e.status ORDER BY e.seq DESC))[1] IS DISTINCT FROM m.status
            OR array_agg(e.previous_status ORDER BY e.seq)::int[]
                 IS DISTINCT FROM
                 (ARRAY[0] || (array_agg(e.status ORDER BY e.seq))[:m.version - 1]::int[])
            OR (NOT bool_or(e.previous_status = 6)
                AND array_agg(e.status ORDER BY e.seq)::int[]
                      IS DISTINCT FROM ARRAY(SELECT unnest(array_agg(e.status))::int ORDER BY 1))
        """
    )
    assert not broken, [dict(row) for row in broken[:3]]
