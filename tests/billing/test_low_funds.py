"""Low funds are told to the log once each time that a balance falls below its threshold."""

import asyncio

from structlog.testing import capture_logs

from outbound_sms.billing.low_funds import tell_low_funds_once
from outbound_sms.store.pool import Pool
from tests.billing.purchases import DOLLAR
from tests.factories import add_funds, make_isp


async def test_each_fall_below_the_threshold_is_told_once(pool: Pool) -> None:
    isp = await make_isp(pool, funds=10 * DOLLAR)
    await pool.execute("UPDATE balance SET low_funds_threshold_micros = $1", 5 * DOLLAR)
    assert await tell_low_funds_once(pool) == 0
    for _ in range(2):
        await add_funds(pool, isp.instance_id, -6 * DOLLAR)
        await add_funds(pool, isp.instance_id, -DOLLAR)
        with capture_logs() as logs:
            told = await asyncio.gather(*(tell_low_funds_once(pool) for _ in range(5)))
        assert sum(told) == 1
        [line] = logs
        assert (line["event"], line["log_level"]) == ("low funds", "warning")
        assert line["instance_id"] == str(isp.instance_id)
        assert (line["available_micros"], line["threshold_micros"]) == (3 * DOLLAR, 5 * DOLLAR)
        await add_funds(pool, isp.instance_id, 7 * DOLLAR)
    assert await tell_low_funds_once(pool) == 0
