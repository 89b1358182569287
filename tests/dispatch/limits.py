"""What tests of the limits against fraud ask, and the shortest ways to set them."""

from typing import Any
from uuid import UUID

from outbound_sms.store.pool import Pool
from tests.dispatch.queue_factory import Queued, add_triggered


async def set_limits(pool: Pool, instance_id: UUID, **columns: Any) -> None:
    """Limits, or anything else of their row."""
    for column, value in columns.items():
        await pool.execute(
            f"UPDATE sending_limit SET {column} = $2 WHERE instance_id = $1", instance_id, value
        )


async def limits_row(pool: Pool, instance_id: UUID) -> dict[str, Any]:
    """The row as it is stored."""
    row = await pool.fetchrow("SELECT * FROM sending_limit WHERE instance_id = $1", instance_id)
    assert row is not None
    return dict(row)


async def counted(pool: Pool, instance_id: UUID) -> tuple[int, int, int, int]:
    """Messages of the minute and of the day, micros of the day, triggered ones of the hour."""
    row = await limits_row(pool, instance_id)
    columns = ("minute_messages", "day_messages", "day_spent", "hour_triggered")
    return tuple(row[column] for column in columns)


async def untouched(pool: Pool) -> int:
    """Texts in the queue that nobody has had, due at once."""
    count: int = await pool.fetchval(
        "SELECT count(*) FROM dispatch WHERE owner IS NULL AND fence = 0 AND NOT held "
        "AND due_time <= now()"
    )
    return count


async def alerts(pool: Pool) -> list[tuple[int, int]]:
    """Kind and messages of each limit that was run into and not told of."""
    rows = await pool.fetch("SELECT kind, messages FROM sending_alert ORDER BY id")
    return [tuple(row) for row in rows]


async def add_triggered_to(pool: Pool, queued: Queued, phones: list[str]) -> list[UUID]:
    """A triggered message to each number, which may be the same, each of a contact of its own."""
    made = await add_triggered(pool, queued, len(phones))
    await pool.execute(
        "UPDATE phone_number p SET e164 = given.phone FROM message m, "
        "unnest($1::uuid[], $2::text[]) given (id, phone) "
        "WHERE m.id = given.id AND p.contact_id = m.contact_id",
        made,
        phones,
    )
    await pool.execute(
        "UPDATE message m SET phone = given.phone FROM unnest($1::uuid[], $2::text[]) "
        "given (id, phone) WHERE m.id = given.id",
        made,
        phones,
    )
    return made


async def make_reply(pool: Pool, message_id: UUID) -> None:
    """Makes a text of the queue the answer to a keyword."""
    await pool.execute(
        "UPDATE dispatch SET priority = 0, zones = '', cost_micros = NULL WHERE message_id = $1",
        message_id,
    )
    await pool.execute(
        "UPDATE message SET kind = 3, cost_micros = 0, price_list_version = NULL WHERE id = $1",
        message_id,
    )
