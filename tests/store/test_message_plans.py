"""The plans of the statements that read messages, on tables of some size."""

from uuid import UUID

import pytest

from outbound_sms.store import messages
from outbound_sms.store.pool import Pool
from tests.factories import Isp, add_account, add_contact, add_mass_message, make_isp

MESSAGES = 2_000

_FILL = """
WITH text AS (SELECT id FROM body LIMIT 1)
INSERT INTO message (instance_id, account_id, contact_id, sending_number_id, body_id, phone,
                     billable_segments, carrier_segments, kind, cost_micros)
SELECT $1, $2, $3, $4, text.id, '+1' || 2125550100 + n, 1, 1, 1, 1
  FROM text, generate_series(1, $5) n RETURNING id
"""
_EVENTS = """
INSERT INTO status_event (instance_id, message_id, version, status, previous_status)
SELECT instance_id, id, n, n, n - 1 FROM message, generate_series(1, 4) n
"""
_ATTEMPTS = """
INSERT INTO attempt (message_id, number, carrier, outcome, submit_time)
SELECT id, 1, 'sandbox', 1, now() FROM message
"""


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    return await make_isp(pool)


async def fill(pool: Pool, isp: Isp) -> list[UUID]:
    account = await add_account(pool, isp, "1")
    contact = await add_contact(pool, isp, account)
    await add_mass_message(pool, isp)
    made = await pool.fetch(
        _FILL, isp.instance_id, account, contact, isp.sending_number_id, MESSAGES
    )
    await pool.execute(_EVENTS)
    await pool.execute(_ATTEMPTS)
    await pool.execute("ANALYZE")
    return [row["id"] for row in made]


async def test_reading_a_message_is_planned_a_few_times_and_then_never_again(
    pool: Pool, isp: Isp
) -> None:
    """Planning this statement takes ten times as long as running it."""
    made = await fill(pool, isp)
    async with pool.acquire() as connection:
        for message in made[:20]:
            assert await messages.get_messages(connection, isp.instance_id, [message])
        plans = await connection.fetchrow(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements "
            "WHERE statement LIKE '-- messages.get%'"
        )
    assert plans is not None
    assert (plans["custom_plans"], plans["generic_plans"]) == (5, 15)
