"""Adding funds and automatic top-ups, through real stubs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.domain.errors import NotFound
from outbound_sms.store import top_ups
from outbound_sms.store.pool import Pool
from outbound_sms.store.tenant import set_tenant
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1.billing_pb2_grpc import BillingStub
from tests.billing.purchases import DOLLAR, TWENTY, add_top_up, automatic, lock_waits, money
from tests.factories import add_funds
from tests.services.failures import Failure, failure
from tests.services.running import Running, Stubs, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode
RIGHT: dict[str, Any] = {
    "enabled": True,
    "threshold_micros": 5 * DOLLAR,
    "amount_micros": TWENTY,
    "daily_cap_micros": 2 * TWENTY,
    "monthly_cap_micros": 10 * TWENTY,
    "customer": "cus_1",
    "payment_method": "pm_card_visa",
}


@pytest.fixture
async def without_payments(pool: Pool, instance: Tenant) -> AsyncIterator[Any]:
    """A stub of a server that has no payment gateway."""
    async with run_server(pool, payments=False) as running:
        stubs = Stubs(running.address, instance.key)
        yield stubs(BillingStub)
        await stubs.close()


def request(etag: str = "", **fields: Any) -> pb.UpdateAutoBuyRequest:
    """An update of the fields that are given, and of them only."""
    return pb.UpdateAutoBuyRequest(
        auto_buy=pb.AutoBuy(etag=etag, **fields), update_mask=FieldMask(paths=list(fields))
    )


async def update(billing: Any, **fields: Any) -> pb.AutoBuy:
    answer: pb.UpdateAutoBuyResponse = await billing.UpdateAutoBuy(request(**fields))
    return answer.auto_buy


async def add(billing: Any, micros: int = TWENTY, request_id: str = "") -> pb.TopUp:
    given = pb.AddFundsRequest(amount_micros=micros, request_id=request_id)
    answer: pb.AddFundsResponse = await billing.AddFunds(given)
    return answer.top_up


async def get(billing: Any, top_up_id: str) -> pb.TopUp:
    answer: pb.GetTopUpResponse = await billing.GetTopUp(pb.GetTopUpRequest(top_up_id=top_up_id))
    return answer.top_up


async def refused(call: Any) -> Failure:
    found = await failure(call)
    assert found.domain == "outboundsms.v1"
    return found


async def test_added_funds_are_recorded_and_a_worker_is_told(
    server: Running, billing: Any, pool: Pool, instance: Tenant
) -> None:
    await update(billing, payment_method="pm_card_visa", customer="cus_1")
    server.woken.clear()
    made = await add(billing)
    assert made.state == pb.TOP_UP_STATE_OPEN
    assert (made.amount_micros, made.currency, made.automatic) == (TWENTY, "USD", False)
    assert server.woken
    assert await get(billing, made.top_up_id) == made
    assert await money(pool, instance.instance.id) == (0, 0)
    await top_ups.succeed(pool, UUID(made.top_up_id), "pi_1")
    paid = await get(billing, made.top_up_id)
    assert (paid.state, paid.gateway_payment_id) == (pb.TOP_UP_STATE_SUCCEEDED, "pi_1")
    assert paid.HasField("finish_time")
    assert await money(pool, instance.instance.id) == (TWENTY, 1)


async def test_the_same_request_many_times_at_once_is_one_top_up(billing: Any, pool: Pool) -> None:
    await update(billing, payment_method="pm_card_visa")
    request_id = str(uuid4())
    made = await asyncio.gather(*(add(billing, request_id=request_id) for _ in range(50)))
    assert len({each.top_up_id for each in made}) == 1
    assert await pool.fetchval("SELECT count(*) FROM top_up") == 1
    other = await refused(add(billing, 2 * TWENTY, request_id))
    assert (other.code, other.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")


@pytest.mark.parametrize("micros", [0, -10_000, -(2**63), 1, 10_001, 10**12 + 10_000, 2**63 - 1])
async def test_amounts_that_cannot_be_charged_are_refused(
    billing: Any, pool: Pool, micros: int
) -> None:
    await update(billing, payment_method="pm_card_visa")
    found = await refused(add(billing, micros))
    assert found.code is Code.INVALID_ARGUMENT
    assert found.violations.keys() == {"amount_micros"}
    assert await pool.fetchval("SELECT count(*) FROM top_up") == 0


async def test_without_a_payment_method_nothing_is_charged(billing: Any, pool: Pool) -> None:
    found = await refused(add(billing))
    assert (found.code, found.reason) == (Code.FAILED_PRECONDITION, "NO_PAYMENT_METHOD")
    await update(billing, payment_method="pm_card_visa")
    await update(billing, payment_method="")
    assert (await refused(add(billing))).reason == "NO_PAYMENT_METHOD"
    assert await pool.fetchval("SELECT count(*) FROM top_up") == 0


async def test_a_server_without_a_gateway_takes_no_payments(
    without_payments: Any, pool: Pool
) -> None:
    assert await update(without_payments, payment_method="pm_card_visa")
    for call in (add(without_payments), update(without_payments, **RIGHT)):
        found = await refused(call)
        assert (found.code, found.reason) == (
            Code.FAILED_PRECONDITION,
            "PAYMENTS_NOT_CONFIGURED",
        )
    assert await pool.fetchval("SELECT count(*) FROM top_up") == 0
    assert not await pool.fetchval("SELECT enabled FROM auto_buy")


async def test_a_currency_without_hundredths_is_not_charged(
    billing: Any, pool: Pool, instance: Tenant
) -> None:
    await pool.execute("UPDATE instance SET currency = 'JPY' WHERE id = $1", instance.instance.id)
    await update(billing, payment_method="pm_card_visa")
    for call in (add(billing), update(billing, **RIGHT)):
        found = await refused(call)
        assert found.reason == "PAYMENTS_NOT_CONFIGURED"
        assert "JPY" in found.message


async def test_a_new_instance_has_automatic_top_ups_off(billing: Any) -> None:
    answer = await billing.GetBalance(pb.GetBalanceRequest())
    assert answer.auto_buy == pb.AutoBuy(etag="1")


async def test_enabling_below_the_threshold_opens_the_first_top_up_at_once(
    server: Running, billing: Any, pool: Pool, instance: Tenant
) -> None:
    found = await update(billing, **RIGHT)
    assert found == pb.AutoBuy(etag="2", **RIGHT)
    assert await automatic(pool, instance.instance.id) == [1]
    assert server.woken
    listed = (await billing.ListTopUps(pb.ListTopUpsRequest())).top_ups
    assert [(each.automatic, each.amount_micros) for each in listed] == [(True, TWENTY)]
    assert (await update(billing, **RIGHT)).etag == "3"
    assert await automatic(pool, instance.instance.id) == [1]


async def test_enabling_with_enough_money_opens_nothing(
    billing: Any, pool: Pool, instance: Tenant
) -> None:
    await add_funds(pool, instance.instance.id, 5 * DOLLAR)
    await update(billing, **RIGHT)
    assert await automatic(pool, instance.instance.id) == []
    await update(billing, threshold_micros=5 * DOLLAR + 1)
    assert await automatic(pool, instance.instance.id) == [1]


async def test_an_update_changes_what_its_mask_names_and_nothing_else(billing: Any) -> None:
    await update(billing, **RIGHT)
    found = await update(billing, threshold_micros=0)
    assert found == pb.AutoBuy(etag="3", **{**RIGHT, "threshold_micros": 0})
    found = await update(billing, enabled=False, daily_cap_micros=0)
    assert not found.enabled
    assert found.payment_method == "pm_card_visa"


async def test_rules_hold_for_the_settings_as_a_whole(billing: Any) -> None:
    await update(billing, **RIGHT)
    for fields, wrong in (
        ({"amount_micros": 3 * TWENTY}, {"auto_buy.daily_cap_micros"}),
        ({"amount_micros": 0}, {"auto_buy.amount_micros"}),
        ({"monthly_cap_micros": TWENTY - 1}, {"auto_buy.monthly_cap_micros"}),
        ({"payment_method": ""}, {"auto_buy.payment_method"}),
    ):
        found = await refused(update(billing, **fields))
        assert found.code is Code.INVALID_ARGUMENT
        assert found.violations.keys() == wrong
    assert (await update(billing, enabled=True)).etag == "3"


async def test_all_that_is_wrong_is_said_at_once_and_changes_nothing(
    billing: Any, pool: Pool
) -> None:
    wrong = request(
        etag="x",
        enabled=True,
        threshold_micros=-1,
        amount_micros=2**63 - 1,
        daily_cap_micros=-(2**63),
        monthly_cap_micros=5,
        customer="c" * 256,
        payment_method="4242 4242 4242 4242",
    )
    wrong.update_mask.paths.append("obstacle")
    found = await refused(billing.UpdateAutoBuy(wrong))
    assert found.violations.keys() == {
        "update_mask",
        *(
            f"auto_buy.{field}"
            for field in (
                "etag",
                "threshold_micros",
                "amount_micros",
                "daily_cap_micros",
                "monthly_cap_micros",
                "customer",
                "payment_method",
            )
        ),
    }
    assert await pool.fetchval("SELECT count(*) FROM auto_buy") == 0


async def test_a_change_that_somebody_else_made_is_not_overwritten(billing: Any) -> None:
    first = await update(billing, etag="1", customer="cus_1")
    await update(billing, etag=first.etag, customer="cus_2")
    late = await refused(update(billing, etag=first.etag, customer="cus_3"))
    assert (late.code, late.reason, late.metadata["etag"]) == (Code.ABORTED, "ETAG_MISMATCH", "3")


async def test_updates_at_once_are_counted_one_by_one(billing: Any) -> None:
    found = await asyncio.gather(*(update(billing, customer=f"cus_{n}") for n in range(8)))
    assert sorted(int(each.etag) for each in found) == list(range(2, 10))


async def test_updates_at_once_of_different_fields_all_stay(billing: Any, pool: Pool) -> None:
    async with pool.acquire() as claim, claim.transaction():
        await claim.execute("SELECT FROM balance FOR UPDATE")
        updates = [
            asyncio.create_task(update(billing, customer="cus_1")),
            asyncio.create_task(update(billing, threshold_micros=DOLLAR)),
        ]
        await wait_until(lambda: _both_wait(pool), describe="both to wait")
    await asyncio.gather(*updates)
    found = (await billing.GetBalance(pb.GetBalanceRequest())).auto_buy
    assert (found.customer, found.threshold_micros, found.etag) == ("cus_1", DOLLAR, "3")


async def _both_wait(pool: Pool) -> bool:
    return await lock_waits(pool) == 2


async def test_a_decline_is_shown_and_ended_by_any_change(
    billing: Any, pool: Pool, instance: Tenant
) -> None:
    await update(billing, **RIGHT)
    opened = await top_ups.last_top_up(pool, instance.instance.id)
    assert opened is not None
    await top_ups.fail(pool, opened.id, "card_declined", "pi_1")
    answer = await billing.GetBalance(pb.GetBalanceRequest())
    assert answer.auto_buy.obstacle == pb.AUTO_BUY_OBSTACLE_DECLINED
    assert answer.last_top_up.failure_code == "card_declined"
    found = await update(billing, payment_method="pm_card_mastercard")
    assert found.obstacle == pb.AUTO_BUY_OBSTACLE_UNSPECIFIED
    assert await automatic(pool, instance.instance.id) == [4, 1]


async def test_a_cap_that_is_reached_is_shown(billing: Any, pool: Pool, instance: Tenant) -> None:
    await update(billing, **RIGHT)
    opened = await top_ups.last_top_up(pool, instance.instance.id)
    assert opened is not None
    await top_ups.succeed(pool, opened.id, "pi_1")
    await add_funds(pool, instance.instance.id, -TWENTY)
    found = await update(billing, daily_cap_micros=2 * TWENTY - 1)
    assert found.obstacle == pb.AUTO_BUY_OBSTACLE_DAILY_CAP
    found = await update(billing, monthly_cap_micros=2 * TWENTY - 1)
    assert found.obstacle == pb.AUTO_BUY_OBSTACLE_MONTHLY_CAP
    assert await automatic(pool, instance.instance.id) == [3]


async def test_top_ups_are_listed_page_by_page_newest_first(
    billing: Any, pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    await add_top_up(pool, other_instance.instance.id)
    made = [str(await add_top_up(pool, instance.instance.id)) for _ in range(5)]
    found, token = [], ""
    for size in (2, 2, 1):
        page = await billing.ListTopUps(pb.ListTopUpsRequest(page_size=2, page_token=token))
        assert len(page.top_ups) == size
        found += [each.top_up_id for each in page.top_ups]
        token = page.next_page_token
    assert (found, token) == (made[::-1], "")


async def test_another_instances_top_ups_do_not_exist_here(
    billing: Any, pool: Pool, other_instance: Tenant
) -> None:
    foreign = await add_top_up(pool, other_instance.instance.id)
    found = await refused(get(billing, str(foreign)))
    assert (found.code, found.reason) == (Code.NOT_FOUND, "TOP_UP_NOT_FOUND")
    assert (await refused(get(billing, str(uuid4())))).message == found.message
    assert not (await billing.ListTopUps(pb.ListTopUpsRequest())).top_ups


async def test_queries_name_the_instance_for_themselves(
    pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    foreign = await add_top_up(pool, other_instance.instance.id)
    with pytest.raises(NotFound):
        await top_ups.get_top_up(pool, instance.instance.id, foreign)
    assert await top_ups.last_top_up(pool, instance.instance.id) is None


async def test_the_api_sees_and_changes_no_other_instances_top_ups(
    server: Running, pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    foreign = await add_top_up(pool, other_instance.instance.id)
    own = await add_top_up(pool, instance.instance.id)
    set_tenant(instance.instance.id)
    try:
        seen = await server.parts.pool.fetch("SELECT id FROM top_up")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.parts.pool.execute("UPDATE top_up SET state = 3 WHERE id = $1", foreign)
    finally:
        set_tenant(None)
    assert [row["id"] for row in seen] == [own]
