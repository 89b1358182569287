"""Recipients are found by their accounts, also where the planner knows nothing of the instance."""

from uuid import UUID

import pytest

from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.store.sql import load
from outbound_sms.store.tenant import set_tenant
from tests.factories import add_subscribers, make_isp

MASS = "SELECT count(*) FROM mass_numbers($1, '{}', now(), $2, $3) WHERE left_out = 0"
SUBSCRIBERS = 20_000


@pytest.fixture
async def newcomer(pool: Pool) -> UUID:
    """One that came after the tables were analysed, with a thousand times the subscribers."""
    known = await make_isp(pool, sender="+12125550101")
    await add_subscribers(pool, known, 20)
    await pool.execute("ANALYZE")
    isp = await make_isp(pool, sender="+12125550102")
    await add_subscribers(pool, isp, SUBSCRIBERS)
    return isp.instance_id


@pytest.mark.parametrize("role", list(SessionRole))
async def test_no_plan_reads_all_contacts_of_an_instance_for_each_account(
    pool: Pool, database_url: str, newcomer: UUID, role: SessionRole
) -> None:
    set_tenant(newcomer)
    sessions = await open_pool(
        database_url, min_size=1, max_size=1, application_name="plans", role=role
    )
    fires = load("fires")["find_accounts"]
    middle, last = await pool.fetchrow(  # type: ignore[misc]
        "SELECT (array_agg(id ORDER BY id))[$2], max(id::text)::uuid FROM account "
        "WHERE instance_id = $1",
        newcomer,
        SUBSCRIBERS // 2,
    )
    async with sessions, sessions.acquire() as connection, connection.transaction():
        await connection.execute(load("expand")["custom_plans"])
        for statement, arguments in (
            (MASS, (newcomer, None, None)),
            (MASS, (newcomer, None, middle)),
            (MASS, (newcomer, middle, last)),
            (fires, (newcomer, [], ["1", "2", "3"])),
        ):
            rows = await connection.fetch(f"EXPLAIN {statement}", *arguments)
            plan = "\n".join(row[0] for row in rows)
            assert "contact_account" in plan
            assert "contact_list" not in plan, plan
        assert await connection.fetchval(MASS, newcomer, None, None) == SUBSCRIBERS
