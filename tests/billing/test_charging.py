"""The money part of the dispatcher role, run as a process runs it."""

from collections.abc import AsyncIterator, Callable

import pytest

from outbound_sms.charging import Charging
from outbound_sms.store.pool import Pool
from tests.billing.purchases import TWENTY, add_top_up, automatic, money, set_auto_buy
from tests.billing.scripted_gateway import ScriptedGateway
from tests.factories import make_isp
from tests.waiting import wait_until

Start = Callable[[ScriptedGateway | None], Charging]


@pytest.fixture
async def woken() -> list[None]:
    """How often the dispatcher was told."""
    return []


@pytest.fixture
async def start(
    pool: Pool, woken: list[None], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Starts charging that never polls a second time by itself."""
    for interval in ("TOP_UP_INTERVAL", "LOW_FUNDS_INTERVAL", "WANTED_INTERVAL"):
        monkeypatch.setattr(f"outbound_sms.charging.{interval}", 300.0)
    started = []

    def begin(gateway: ScriptedGateway | None) -> Charging:
        started.append(Charging(pool, gateway, lambda: woken.append(None)))
        started[-1].start()
        return started[-1]

    yield begin
    for each in started:
        await each.stop()


async def test_a_top_up_is_charged_as_soon_as_it_is_told_of(
    pool: Pool, start: Start, woken: list[None]
) -> None:
    isp = await make_isp(pool, funds=0)
    gateway = ScriptedGateway()
    await add_top_up(pool, isp.instance_id)
    charging = start(gateway)
    await wait_until(lambda: len(woken) == 1, describe="what was there before to be charged")
    await add_top_up(pool, isp.instance_id)
    charging.wake()
    await wait_until(lambda: len(woken) == 2, describe="what came since to be charged")
    assert await money(pool, isp.instance_id) == (2 * TWENTY, 2)


async def test_more_top_ups_than_are_charged_at_once_are_charged_one_after_another(
    pool: Pool, start: Start, woken: list[None]
) -> None:
    isp = await make_isp(pool, funds=0)
    for _ in range(30):
        await add_top_up(pool, isp.instance_id)
    start(ScriptedGateway())
    await wait_until(lambda: len(woken) == 30)
    assert await money(pool, isp.instance_id) == (30 * TWENTY, 30)


async def test_what_is_wanted_is_opened_and_charged_without_a_claim(
    pool: Pool, start: Start
) -> None:
    isp = await make_isp(pool, funds=0)
    await set_auto_buy(pool, isp.instance_id)
    start(ScriptedGateway())

    async def is_paid() -> bool:
        return await automatic(pool, isp.instance_id) == [3]

    await wait_until(is_paid)
    assert await money(pool, isp.instance_id) == (TWENTY, 1)


async def test_without_a_gateway_low_funds_are_told_and_nothing_is_bought(
    pool: Pool, start: Start
) -> None:
    isp = await make_isp(pool, funds=0)
    await set_auto_buy(pool, isp.instance_id)
    await pool.execute("UPDATE balance SET low_funds_told = false")
    charging = start(None)
    charging.wake()

    async def is_told() -> bool:
        return bool(await pool.fetchval("SELECT bool_and(low_funds_told) FROM balance"))

    await wait_until(is_told)
    await charging.stop()
    assert await automatic(pool, isp.instance_id) == []
