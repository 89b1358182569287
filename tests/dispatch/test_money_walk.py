"""T-LED-1: whatever happens to texts and money, in whatever order, the ledger stays right."""

import os

import pytest

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history
from tests.dispatch.money_model import Instance
from tests.dispatch.money_walk import MoneyWalk
from tests.dispatch.queue_factory import fill_queue

STEPS = int(os.environ.get("LEDGER_WALK_STEPS", "10000"))
"""In all; more of them look further."""

FIRST_SEED = int(os.environ.get("LEDGER_WALK_SEED", "1"))
WALKS = 5


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + WALKS))
async def test_a_random_walk_keeps_the_ledger_and_loses_no_money(pool: Pool, seed: int) -> None:
    instances = []
    for n in range(2):
        made = await fill_queue(pool, 0, name=f"N{n}", sender=f"+1202555019{n}", funds=0)
        instances.append(
            Instance(made.instance_id, made.sending_number_id, made.mass_message_id, bool(n))
        )
    await pool.execute(
        "INSERT INTO auto_buy (instance_id, enabled, amount_micros, daily_cap_micros, "
        "monthly_cap_micros, payment_method) "
        "VALUES ($1, true, 100000, 1000000000000, 1000000000000, 'pm_card_visa')",
        instances[1].id,
    )
    async with pool.acquire() as connection:
        walk = MoneyWalk(connection, seed, instances)
        for number in range(STEPS // WALKS):
            await walk.step()
            await walk.check_money()
            if number % 200 == 199:
                await walk.check_all()
        await walk.check_all()
    await check_history(pool)
