"""The platform operator adds money to balances, and takes it, by entries of the ledger."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import billing_pb2
from outboundsms.v1 import instances_pb2 as pb
from outboundsms.v1.billing_pb2_grpc import BillingStub
from outboundsms.v1.instances_pb2_grpc import InstancesStub
from tests.factories import Isp, add_funds, make_isp
from tests.paid_texts import ON_ITS_WAY, PRICE, paid_texts
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode
MOST = 1_000_000_000_000


@pytest.fixture
def operator(stub: Stubs, operator_key: str) -> Any:
    return stub(InstancesStub, operator_key)


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    return await make_isp(pool, instance_id=instance.instance.id, funds=0)


async def adjust(operator: Any, tenant: Tenant, amount: int, **fields: Any) -> billing_pb2.Balance:
    request = pb.AdjustBalanceRequest(
        **{
            "instance_id": str(tenant.instance.id),
            "amount_micros": amount,
            "note": "Bank transfer",
            **fields,
        }
    )
    balance: billing_pb2.Balance = (await operator.AdjustBalance(request)).balance
    return balance


async def money(pool: Pool) -> list[Any]:
    return [
        await pool.fetchval(f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} t")
        for table in ("balance", "ledger_entry")
    ]


async def test_an_adjustment_is_an_entry_that_the_instance_sees(
    stub: Stubs, operator: Any, instance: Tenant, other_instance: Tenant
) -> None:
    assert (await adjust(operator, instance, MOST, note=" Paid ")).available_micros == MOST
    assert (await adjust(operator, instance, -MOST + 1)).available_micros == 1
    billing = stub(BillingStub)
    listed = await billing.ListLedgerEntries(billing_pb2.ListLedgerEntriesRequest())
    assert [(each.amount_micros, each.note) for each in listed.ledger_entries] == [
        (-MOST + 1, "Bank transfer"),
        (MOST, "Paid"),
    ]
    others = await stub(BillingStub, other_instance.key).GetBalance(billing_pb2.GetBalanceRequest())
    assert others.balance.available_micros == 0


async def test_no_more_is_taken_than_is_available_and_what_is_held_is_not(
    operator: Any, pool: Pool, isp: Isp, instance: Tenant
) -> None:
    await adjust(operator, instance, 3 * PRICE)
    await (await paid_texts(pool, isp)).add(ON_ITS_WAY)
    before = await money(pool)
    told = await failure(adjust(operator, instance, -2 * PRICE - 1))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "BALANCE_TOO_LOW")
    assert told.metadata["available_micros"] == str(2 * PRICE)
    assert await money(pool) == before
    left = await adjust(operator, instance, -2 * PRICE)
    assert (left.available_micros, left.held_micros) == (0, PRICE)


async def test_parallel_calls_with_one_request_id_adjust_once(
    operator: Any, instance: Tenant
) -> None:
    request_id = str(uuid4())
    calls = [adjust(operator, instance, 10, request_id=request_id) for _ in range(8)]
    assert {each.available_micros for each in await asyncio.gather(*calls)} == {10}
    assert (await adjust(operator, instance, 1)).available_micros == 11


@pytest.mark.parametrize(
    ("fields", "violations"),
    [
        ({"amount_micros": 0, "note": "", "instance_id": ""}, 3),
        ({"amount_micros": MOST + 1}, 1),
        ({"amount_micros": -MOST - 1}, 1),
        ({"amount_micros": -(2**63), "note": "x" * 201}, 2),
        ({"note": "two\nlines"}, 1),
        ({"note": " \t "}, 1),
    ],
)
async def test_what_is_wrong_changes_nothing(
    operator: Any, pool: Pool, instance: Tenant, fields: Any, violations: int
) -> None:
    before = await money(pool)
    told = await failure(adjust(operator, instance, 5, **fields))
    assert (told.code, len(told.violations)) == (Code.INVALID_ARGUMENT, violations)
    assert await money(pool) == before


async def test_a_balance_that_would_overflow_is_refused_with_a_clear_error(
    operator: Any, pool: Pool, instance: Tenant
) -> None:
    await add_funds(pool, instance.instance.id, 2**63 - 10)
    before = await money(pool)
    told = await failure(adjust(operator, instance, 10))
    assert told.code is Code.INVALID_ARGUMENT
    assert set(told.violations) == {"amount_micros"}
    assert await money(pool) == before
    assert (await adjust(operator, instance, 9)).available_micros == 2**63 - 1


async def test_there_is_nothing_to_adjust_of_the_operator_or_of_nobody(
    operator: Any, pool: Pool, instance: Tenant
) -> None:
    platform = await pool.fetchval("SELECT id FROM instance WHERE platform")
    for missing in (str(platform), str(uuid4())):
        told = await failure(adjust(operator, instance, 5, instance_id=missing))
        assert (told.code, told.reason) == (Code.NOT_FOUND, "INSTANCE_NOT_FOUND")
