"""`outbound-sms admin prices` and `adjust-balance`, against a server that answers as told."""

import json
from typing import Any

import grpc
import pytest

from outbound_sms.cli.admin.command import admin
from outboundsms.v1 import billing_pb2, instances_pb2
from outboundsms.v1 import price_lists_pb2 as pb
from outboundsms.v1.body_pb2 import ENCODING_GSM7, ENCODING_UCS2
from tests.cli.scripted import scripted, words
from tests.clients.scripted import fail

INSTANCE = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
PRICES = ("--us-gsm7", "0.0075", "--us-ucs2", "0.015", "--ca-gsm7", "0.01", "--ca-ucs2", "0.02")


pytestmark = pytest.mark.usefixtures("plain_terminal")


async def test_a_price_list_is_created_exactly_and_from_its_time() -> None:
    answer = pb.CreatePriceListResponse(price_list=billing_pb2.PriceList(version=3))
    async with scripted({"PriceLists.CreatePriceList": answer}) as terminal:
        create = ("prices", "create", "--currency", "usd", *PRICES)
        assert (await terminal.run(admin, *create, "--from", "2027-01-01T00:00")).exit_code == 0
        shown = await terminal.run(admin, *create, "--json")
        assert json.loads(shown.output)["version"] == 3
        wrong = await terminal.run(admin, *create, "--from", "later")
        assert (wrong.exit_code, "--from" in wrong.output) == (2, True)
        tiny = await terminal.run(admin, *create, "--us-gsm7", "0.00000075")
        assert (tiny.exit_code, "more than 6 decimals" in tiny.output) == (2, True)
        first, second = terminal.requests("PriceLists.CreatePriceList")
    assert first.price_list.effective_time.ToJsonString() == "2027-01-01T00:00:00Z"
    assert not second.price_list.HasField("effective_time")
    assert first.price_list.currency == "USD"
    found = [(each.country, each.encoding, each.price_micros) for each in first.price_list.prices]
    assert found == [
        ("US", ENCODING_GSM7, 7_500),
        ("US", ENCODING_UCS2, 15_000),
        ("CA", ENCODING_GSM7, 10_000),
        ("CA", ENCODING_UCS2, 20_000),
    ]


async def test_price_lists_are_listed_a_table_for_each_currency() -> None:
    price = billing_pb2.SegmentPrice(country="US", encoding=ENCODING_GSM7, price_micros=7_500)
    listed = [
        billing_pb2.PriceList(version=version, currency=currency, prices=[price])
        for version, currency in ((3, "USD"), (2, "CAD"), (1, "USD"))
    ]
    answers = [pb.ListPriceListsResponse(price_lists=listed), pb.ListPriceListsResponse()]
    async with scripted({"PriceLists.ListPriceLists": list(answers)}) as terminal:
        lines = (await terminal.run(admin, "prices", "list")).output.splitlines()
        none = await terminal.run(admin, "prices", "list", "--currency", "eur")
        assert terminal.requests("PriceLists.ListPriceLists")[1].currency == "EUR"
    assert [words(each).split()[-2:] for each in lines if "0.0075" in each] == [
        ["0.0075", "CAD"],
        ["0.0075", "USD"],
        ["0.0075", "USD"],
    ]
    assert "prices create --help" in none.output


@pytest.mark.parametrize(("amount", "micros"), [("25", 25_000_000), ("-5.25", -5_250_000)])
async def test_a_balance_is_adjusted_up_and_down(amount: str, micros: int) -> None:
    balance = billing_pb2.Balance(available_micros=30_000_000, currency="USD")
    answer = instances_pb2.AdjustBalanceResponse(balance=balance)
    async with scripted({"Instances.AdjustBalance": answer}) as terminal:
        ran = await terminal.run(admin, "adjust-balance", INSTANCE, amount, "--note", "Credit")
        (asked,) = terminal.requests("Instances.AdjustBalance")
        wrong = await terminal.run(admin, "adjust-balance", INSTANCE, amount, "--nte", "Credit")
    assert (ran.exit_code, ran.output) == (0, "Available now: 30.00 USD.\n")
    assert (asked.instance_id, asked.amount_micros, asked.note) == (INSTANCE, micros, "Credit")
    assert asked.request_id
    assert (wrong.exit_code, "--note" in wrong.output) == (2, True)


async def test_taking_too_much_says_how_much_there_is_in_units() -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        code = grpc.StatusCode.FAILED_PRECONDITION
        await fail(context, code, "BALANCE_TOO_LOW", available_micros="1250000")

    async with scripted({"Instances.AdjustBalance": refuse}) as terminal:
        ran = await terminal.run(admin, "adjust-balance", INSTANCE, "-2", "--note", "Wrong")
    assert (ran.exit_code, "Only 1.25 can be spent" in ran.output) == (1, True)
