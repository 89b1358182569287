"""Quiet hours around the moment at which a test runs, in an instance whose clock shows UTC."""

from datetime import datetime, timedelta
from uuid import UUID

from outbound_sms.store.pool import Pool

_SET = """
WITH base AS (
  SELECT date_trunc('minute', clock_timestamp()) AS minute),
written AS (
  UPDATE instance
     SET time_zone = 'UTC', quiet_mode = $4,
         quiet_start = (base.minute + $2)::time, quiet_end = (base.minute + $3)::time
    FROM base WHERE id = $1)
SELECT base.minute FROM base
"""

BEFORE, AFTER = timedelta(hours=-1), timedelta(hours=5)


async def set_quiet(
    pool: Pool,
    instance_id: UUID,
    *,
    start: timedelta = BEFORE,
    end: timedelta = AFTER,
    mode: int = 1,
) -> datetime:
    """Makes it quiet from an hour ago, for six hours, unless told otherwise; mode 1 is INSTANCE.

    Returns when these quiet hours end.
    """
    minute: datetime = await pool.fetchval(_SET, instance_id, start, end, mode)
    return minute + end


async def set_no_quiet(pool: Pool, instance_id: UUID) -> None:
    """Takes the quiet hours away."""
    await pool.execute(
        "UPDATE instance SET quiet_start = NULL, quiet_end = NULL WHERE id = $1", instance_id
    )
