"""Real servers that charge a gateway and are killed: each top-up is charged once and counted once.

The gateway's own list of payments is the oracle.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from outbound_sms.cli.child import Child
from outbound_sms.payments.sandbox.app import running
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.store.pool import Pool
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1.billing_pb2_grpc import BillingStub
from tests.billing.purchases import TWENTY, add_top_up, money, set_auto_buy
from tests.e2e.fleet import QUICK, kill
from tests.factories import make_isp
from tests.services.running import Stubs, make_tenant
from tests.waiting import wait_until

KEY = "sk_test_sandbox"
LATE = "pm_sandbox_late"
METHODS = ("pm_card_visa", "pm_sandbox_answer_lost", "pm_sandbox_error_after", "pm_sandbox_late")


@dataclass(slots=True)
class Till:
    """A gateway, and servers that are configured to charge it."""

    database_url: str
    folder: Path
    gateway: str
    children: list[Child] = field(default_factory=list)

    def server(self, roles: str) -> Child:
        payments = self.folder / "payments.toml"
        payments.write_text(
            f'kind = "stripe"\napi_key = "{KEY}"\nbase_url = "{self.gateway}"\n'
            "total_timeout = 2.0\nconnect_timeout = 0.5\n",
            encoding="utf-8",
        )
        child = Child(
            f"{roles}-{len(self.children)}",
            ["serve", "--roles", roles],
            environment={
                **QUICK,
                "DATABASE_URL": self.database_url,
                "OUTBOUND_SMS_CARRIERS": "",
                "OUTBOUND_SMS_PAYMENTS": str(payments),
            },
            log=self.folder / f"{len(self.children)}.log",
        )
        self.children.append(child)
        return child

    async def charged(self) -> Counter[UUID]:
        """How often the payer has paid each top-up."""
        listed = await self._get("/sandbox/payments")
        return Counter(
            UUID(each["metadata"]["top_up_id"]) for each in listed["payments"] if each["charged"]
        )

    async def requests(self) -> int:
        found: int = (await self._get("/sandbox/statistics"))["requests"]
        return found

    async def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.gateway + path, headers=headers) as answer,
        ):
            return await answer.json()


@pytest.fixture
async def till(database_url: str, tmp_path: Path) -> AsyncIterator[Till]:
    async with running(SandboxConfig(KEY, latency=0.05, late_seconds=1.5)) as url:
        made = Till(database_url, tmp_path, url)
        yield made
        for child in made.children:
            await child.stop()


async def let_leases_run_out(pool: Pool) -> None:
    """The half-minute that a dead worker's top-ups are left alone is over."""
    await pool.execute("UPDATE top_up SET due_time = now() WHERE state = 2")


async def test_a_server_killed_after_the_charge_has_charged_once(pool: Pool, till: Till) -> None:
    isp = await make_isp(pool, funds=0)
    made = await add_top_up(pool, isp.instance_id, payment_method=LATE)
    killed = till.server("dispatcher")
    await killed.start("http")

    async def is_charged() -> bool:
        return bool(await till.charged())

    await wait_until(is_charged, 20, "the gateway to charge")
    await kill(killed)
    assert await pool.fetchval("SELECT state FROM top_up") == 2
    assert await money(pool, isp.instance_id) == (0, 0)
    await let_leases_run_out(pool)
    await till.server("dispatcher").start("http")
    await wait_until(lambda: have_ended(pool, 1), 20, "the top-up to end")
    assert await pool.fetchval("SELECT state FROM top_up WHERE id = $1", made) == 3
    assert await till.charged() == {made: 1}
    assert await till.requests() >= 2
    assert await money(pool, isp.instance_id) == (TWENTY, 1)


async def have_ended(pool: Pool, count: int) -> bool:
    """Whether so many have; a gateway that is busy with a dead server's call is asked again."""
    await let_leases_run_out(pool)
    return bool(await pool.fetchval("SELECT count(*) FROM top_up WHERE state > 2") == count)


@pytest.mark.slow
async def test_servers_killed_at_random_charge_every_top_up_once(pool: Pool, till: Till) -> None:
    isp = await make_isp(pool, funds=0)
    made = [
        await add_top_up(pool, isp.instance_id, payment_method=METHODS[n % len(METHODS)])
        for n in range(40)
    ]
    chance = random.Random(4)
    for _ in range(4):
        pair = [till.server("dispatcher") for _ in range(2)]
        await asyncio.gather(*(child.start("http") for child in pair))
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        await asyncio.gather(*(kill(child) for child in pair))
        await let_leases_run_out(pool)
    await till.server("dispatcher").start("http")

    await wait_until(lambda: have_ended(pool, len(made)), 60, "every top-up to end")
    assert await till.charged() == dict.fromkeys(made, 1)
    assert await money(pool, isp.instance_id) == (40 * TWENTY, 40)


async def test_funds_that_a_person_adds_are_charged_at_once(pool: Pool, till: Till) -> None:
    tenant = await make_tenant(pool)
    await set_auto_buy(pool, tenant.instance.id, enabled=False)
    address = (await till.server("api,dispatcher").start("grpc"))["grpc"]
    stubs = Stubs(address, tenant.key)
    try:
        billing = stubs(BillingStub)
        opened = await billing.AddFunds(pb.AddFundsRequest(amount_micros=TWENTY))
        request = pb.GetTopUpRequest(top_up_id=opened.top_up.top_up_id)

        async def is_paid() -> bool:
            answer = await billing.GetTopUp(request)
            return bool(answer.top_up.state == pb.TOP_UP_STATE_SUCCEEDED)

        await wait_until(is_paid, 10, "the top-up to be paid")
    finally:
        await stubs.close()
    assert await till.charged() == {UUID(opened.top_up.top_up_id): 1}
    assert await money(pool, tenant.instance.id) == (TWENTY, 1)
