"""How an instance buys, and what it has bought, for tests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from outbound_sms.domain.top_up import TopUpState
from outbound_sms.store.pool import Connection, Database, Pool
from tests.factories import add_funds

DOLLAR = 1_000_000
TWENTY = 20 * DOLLAR
_COLUMNS = {
    "enabled": True,
    "threshold_micros": 5 * DOLLAR,
    "amount_micros": TWENTY,
    "daily_cap_micros": 100 * DOLLAR,
    "monthly_cap_micros": 1000 * DOLLAR,
    "customer": "cus_1",
    "payment_method": "pm_card_visa",
}


async def set_auto_buy(db: Database, instance_id: UUID, **columns: Any) -> None:
    """Automatic top-ups of 20 dollars below 5, unless `columns` say otherwise; set a day ago."""
    values = {**_COLUMNS, **columns}
    names = ", ".join(values)
    places = ", ".join(f"${n}" for n in range(2, len(values) + 2))
    await db.execute(
        f"INSERT INTO auto_buy (instance_id, {names}, update_time) "
        f"VALUES ($1, {places}, now() - interval '1 day')",
        instance_id,
        *values.values(),
    )


async def add_top_up(db: Database, instance_id: UUID, **columns: Any) -> UUID:
    """An open top-up of 20 dollars by hand, unless `columns` say otherwise."""
    values = {
        "instance_id": instance_id,
        "automatic": False,
        "amount_micros": TWENTY,
        "currency": "USD",
        "customer": "cus_1",
        "payment_method": "pm_card_visa",
        **columns,
    }
    names = ", ".join(values)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    made: UUID = await db.fetchval(
        f"INSERT INTO top_up ({names}) VALUES ({places}) RETURNING id", *values.values()
    )
    return made


async def add_bought(
    db: Database, instance_id: UUID, when: datetime, *, micros: int = TWENTY, state: int = 3
) -> UUID:
    """An automatic top-up that was opened at `when` and ended at once; its money is spent."""
    made = await add_top_up(
        db,
        instance_id,
        automatic=True,
        amount_micros=micros,
        state=state,
        create_time=when,
        finish_time=when,
    )
    if state == TopUpState.SUCCEEDED:
        await db.execute(
            "INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id) "
            "VALUES ($1, 1, $2, $3)",
            instance_id,
            micros,
            made,
        )
        await add_funds(db, instance_id, -micros)
    return made


async def cross(pool: Pool, instance_id: UUID, *, short: bool = False) -> datetime | None:
    """What a claim does that sees the balance: locks it and opens the top-up that is wanted."""
    async with pool.acquire() as connection, connection.transaction():
        return await cross_in(connection, instance_id, short=short)


async def cross_in(
    connection: Connection, instance_id: UUID, *, short: bool = False
) -> datetime | None:
    """The same in a transaction of the caller's."""
    available = await connection.fetchval(
        "SELECT available_micros FROM balance WHERE instance_id = $1 FOR UPDATE", instance_id
    )
    until: datetime | None = await connection.fetchval(
        "SELECT open_automatic_top_up($1, $2, $3)", instance_id, available, short
    )
    return until


async def automatic(db: Database, instance_id: UUID) -> list[int]:
    """The states of the automatic top-ups, oldest first."""
    rows = await db.fetch(
        "SELECT state FROM top_up WHERE instance_id = $1 AND automatic ORDER BY id", instance_id
    )
    return [row["state"] for row in rows]


async def money(db: Database, instance_id: UUID) -> tuple[int, int]:
    """What is available, and how many entries of top-ups the ledger has."""
    row = await db.fetchrow(
        "SELECT available_micros, (SELECT count(*) FROM ledger_entry e "
        "WHERE e.instance_id = b.instance_id AND kind = 1) FROM balance b WHERE instance_id = $1",
        instance_id,
    )
    assert row is not None
    return row[0], row[1]


async def lock_waits(db: Database) -> int:
    """How many sessions of the test's database wait for a lock."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found
