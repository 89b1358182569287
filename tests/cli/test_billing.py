"""`outbound-sms billing`, against a server that answers as the test says."""

import csv
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from click.testing import CliRunner

from outbound_sms.cli.billing import add_funds as adding
from outbound_sms.cli.billing import words as money_words
from outbound_sms.cli.billing.command import billing
from outbound_sms.cli.billing.statement_csv import HEADER
from outboundsms import interruption as interruptions
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1 import settings_pb2
from outboundsms.v1.body_pb2 import ENCODING_GSM7, ENCODING_UCS2
from tests.cli.scripted import scripted, words
from tests.clients.scripted import fail

ID = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"


pytestmark = pytest.mark.usefixtures("plain_terminal")


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.01)


def balance(available: int = 12_500_000, **more: Any) -> pb.Balance:
    return pb.Balance(available_micros=available, currency="USD", **more)


def top_up(state: int, **more: Any) -> pb.TopUp:
    return pb.TopUp(
        top_up_id=ID,
        amount_micros=50_000_000,
        currency="USD",
        state=pb.TopUpState.ValueType(state),
        **more,
    )


def get_balance(**more: Any) -> pb.GetBalanceResponse:
    auto_buy = pb.AutoBuy(payment_method="pm_card_visa")
    return pb.GetBalanceResponse(balance=balance(**more), auto_buy=auto_buy)


async def test_the_balance_says_what_there_is_and_what_to_do_when_it_is_low() -> None:
    answer = get_balance(
        held_micros=15_000,
        low_funds=True,
        low_funds_threshold_micros=20_000_000,
        requeueable_messages=1_200,
        requeueable_cost_micros=18_000_000,
    )
    answer.auto_buy.enabled = True
    answer.auto_buy.amount_micros = 100_000_000
    answer.auto_buy.obstacle = pb.AUTO_BUY_OBSTACLE_DAILY_CAP
    answer.last_top_up.CopyFrom(top_up(pb.TOP_UP_STATE_FAILED, failure_code="expired_card"))
    async with scripted({"Billing.GetBalance": answer}) as terminal:
        said = words((await terminal.run(billing, "balance")).output)
        as_json = json.loads((await terminal.run(billing, "balance", "--json")).output)
    assert said.startswith("LOW FUNDS: 12.50 USD is below 20.00 USD; `outbound-sms billing add-f")
    assert "Held 0.015 USD for texts on their way" in said
    assert "Not sent 1,200 for lack of funds, 18.00 USD; `outbound-sms messages requeue`" in said
    assert "on: 100.00 USD when less than 0.00 USD is left. Nothing is bought now: the" in said
    assert "Last top-up 50.00 USD, declined (expired_card)" in said
    assert as_json["balance"]["available_micros"] == "12500000"


async def test_adding_funds_waits_until_they_are_paid_and_charges_the_exact_amount() -> None:
    answers: dict[str, Any] = {
        "Billing.GetBalance": get_balance(available=62_500_000),
        "Billing.AddFunds": pb.AddFundsResponse(top_up=top_up(pb.TOP_UP_STATE_OPEN)),
        "Billing.GetTopUp": [
            pb.GetTopUpResponse(top_up=top_up(pb.TOP_UP_STATE_CHARGING)),
            too_late,
            pb.GetTopUpResponse(top_up=top_up(pb.TOP_UP_STATE_SUCCEEDED)),
        ],
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(billing, "add-funds", "50.00", "--yes")
        asked = terminal.requests("Billing.AddFunds")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines() == [
        "Charging 50.00 USD ...",
        "Paid: 50.00 USD. Available now: 62.50 USD.",
    ]
    assert [each.amount_micros for each in asked] == [50_000_000]
    assert asked[0].request_id


async def too_late(_request: Any, context: Any) -> Any:
    await fail(context, grpc.StatusCode.DEADLINE_EXCEEDED)


async def unavailable(_request: Any, context: Any) -> Any:
    await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")


async def test_a_declined_top_up_exits_1_with_the_reason_and_what_to_do() -> None:
    declined = top_up(pb.TOP_UP_STATE_FAILED, failure_code="insufficient_funds")
    answers: dict[str, Any] = {
        "Billing.GetBalance": get_balance(),
        "Billing.AddFunds": pb.AddFundsResponse(top_up=top_up(pb.TOP_UP_STATE_OPEN)),
        "Billing.GetTopUp": pb.GetTopUpResponse(top_up=declined),
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(billing, "add-funds", "50", "--yes")
        as_json = await terminal.run(billing, "add-funds", "50", "--yes", "--json")
    assert ran.exit_code == as_json.exit_code == 1
    said = words(ran.stderr)
    assert "The top-up of 50.00 USD was declined (insufficient_funds); nothing was charged" in said
    assert "not enough money on the card" in said
    assert "outbound-sms billing auto-buy --payment-method" in said
    assert json.loads(as_json.stdout)["state"] == "TOP_UP_STATE_FAILED"


async def test_nothing_is_charged_unasked_or_without_a_payment_method() -> None:
    answers: dict[str, Any] = {"Billing.GetBalance": get_balance()}
    async with scripted(answers) as terminal:
        unasked = await terminal.run(billing, "add-funds", "50")
        for wrong in ("0.1234567", "1,000", "fifty"):
            assert (await terminal.run(billing, "add-funds", wrong, "--yes")).exit_code == 2
    assert (unasked.exit_code, "--yes" in unasked.output) == (2, True)
    answers["Billing.GetBalance"] = pb.GetBalanceResponse(balance=balance())
    async with scripted(answers) as terminal:
        ran = await terminal.run(billing, "add-funds", "50", "--yes")
    assert (ran.exit_code, "auto-buy --payment-method" in words(ran.output)) == (1, True)


async def test_a_lost_answer_says_how_to_charge_once_only() -> None:
    answers = {"Billing.GetBalance": get_balance(), "Billing.AddFunds": unavailable}
    async with scripted(answers) as terminal:
        ran = await terminal.run(billing, "add-funds", "7.50", "--yes")
        ids = {each.request_id for each in terminal.requests("Billing.AddFunds")}
    assert len(ids) == 1
    wanted = f"add-funds 7.500000 --request-id {ids.pop()}`: then it is charged once at most"
    assert (ran.exit_code, wanted in words(ran.stderr)) == (1, True)


async def test_not_waiting_ends_when_it_is_recorded() -> None:
    answers = {
        "Billing.GetBalance": get_balance(),
        "Billing.AddFunds": pb.AddFundsResponse(top_up=top_up(pb.TOP_UP_STATE_OPEN)),
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(billing, "add-funds", "50", "--yes", "--no-wait")
    assert ran.stdout == f"Recorded: top-up {ID} of 50.00 USD.\n"


async def test_watching_goes_on_after_an_interruption_and_says_nothing_twice() -> None:
    low = pb.WatchBalanceResponse(
        balance=balance(4_000_000, low_funds=True, low_funds_threshold_micros=20_000_000),
        events=[pb.BALANCE_EVENT_LOW_FUNDS],
    )
    declined = pb.WatchBalanceResponse(
        balance=low.balance,
        last_top_up=top_up(pb.TOP_UP_STATE_FAILED, failure_code="expired_card"),
        events=[pb.BALANCE_EVENT_TOP_UP_FAILED],
    )
    restored = pb.WatchBalanceResponse(
        balance=balance(54_000_000),
        last_top_up=top_up(pb.TOP_UP_STATE_SUCCEEDED),
        events=[pb.BALANCE_EVENT_FUNDS_RESTORED, pb.BALANCE_EVENT_TOP_UP_SUCCEEDED],
    )

    async def first(_request: Any, context: Any) -> AsyncIterator[Any]:
        yield pb.WatchBalanceResponse(balance=balance())
        yield low
        await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    async def second(_request: Any, context: Any) -> AsyncIterator[Any]:
        yield low
        yield declined
        yield restored
        await fail(context, grpc.StatusCode.UNAUTHENTICATED, "API_KEY_INVALID")

    async with scripted({"Billing.WatchBalance": [first, second]}) as terminal:
        ran = await terminal.run(billing, "watch")
    lines = ran.stdout.splitlines()
    assert lines[0].endswith("available 12.50 USD  held 0.00 USD  spent 0.00 USD")
    assert lines[2].startswith("LOW FUNDS: 4.00 USD is below 20.00 USD")
    assert lines[4].startswith("The top-up of 50.00 USD was declined (expired_card)")
    assert lines[5].endswith("funds are not low any more  a top-up was paid")
    assert len(lines) == 6
    assert "Stream interrupted (DRAINING)" in ran.stderr


async def test_auto_buy_changes_what_is_given_and_shows_all() -> None:
    shown = get_balance()
    shown.auto_buy.threshold_micros = 20_000_000
    answers = {
        "Billing.GetBalance": shown,
        "Billing.UpdateAutoBuy": pb.UpdateAutoBuyResponse(auto_buy=shown.auto_buy),
    }
    async with scripted(answers) as terminal:
        looked = await terminal.run(billing, "auto-buy")
        assert not terminal.requests("Billing.UpdateAutoBuy")
        await terminal.run(billing, "auto-buy", "--on", "--threshold", "20", "--amount", "100.5")
        await terminal.run(billing, "auto-buy", "--off", "--daily-cap", "0")
        first, second = terminal.requests("Billing.UpdateAutoBuy")
    assert "Auto-buy off Threshold 20.00 USD" in words(looked.output)
    assert "Payment method pm_card_visa" in words(looked.output)
    assert list(first.update_mask.paths) == ["enabled", "threshold_micros", "amount_micros"]
    assert (first.auto_buy.enabled, first.auto_buy.amount_micros) == (True, 100_500_000)
    assert list(second.update_mask.paths) == ["enabled", "daily_cap_micros"]
    assert not second.auto_buy.enabled


def entry(number: int, kind: int, **more: Any) -> pb.LedgerEntry:
    return pb.LedgerEntry(ledger_entry_id=number, kind=pb.LedgerEntryKind.ValueType(kind), **more)


async def test_the_ledger_is_filtered_and_read_page_by_page_to_the_limit() -> None:
    page = pb.ListLedgerEntriesResponse(
        ledger_entries=[
            entry(9, pb.LEDGER_ENTRY_KIND_HOLD, amount_micros=15_000, message_id=ID),
            entry(8, pb.LEDGER_ENTRY_KIND_ADJUSTMENT, amount_micros=-5_000_000, note="[b]Sorry"),
        ],
        next_page_token="more",
        currency="USD",
    )
    end = pb.ListLedgerEntriesResponse(ledger_entries=[entry(7, 99)], currency="USD")
    settings = settings_pb2.GetSmsSettingsResponse()
    settings.settings.time_zone = "America/New_York"
    answers: dict[str, Any] = {
        "Settings.GetSmsSettings": settings,
        "Billing.ListLedgerEntries": [page, end],
    }
    async with scripted(answers) as terminal:
        arguments = ("--kind", "hold", "--since", "2026-11-01", "--all")
        everything = await terminal.run(billing, "ledger", *arguments)
        first, second = terminal.requests("Billing.ListLedgerEntries")
    assert first.start_time.ToJsonString() == "2026-11-01T04:00:00Z"
    assert not first.HasField("end_time")
    assert (list(first.kinds), second.page_token) == ([pb.LEDGER_ENTRY_KIND_HOLD], "more")
    lines = everything.output.splitlines()
    assert (
        words(lines[1]) == "1970-01-01 00:00:00 hold 0.015 USD 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
    )
    assert words(lines[2]) == "1970-01-01 00:00:00 adjustment -5.00 USD [b]Sorry"
    assert "kind 99" in lines[3]
    answers["Billing.ListLedgerEntries"] = page
    async with scripted(answers) as terminal:
        two = await terminal.run(billing, "ledger", "--limit", "2", "--json")
        assert [json.loads(each)["ledger_entry_id"] for each in two.output.splitlines()] == [
            *("9", "8")
        ]
        assert len(terminal.requests("Billing.ListLedgerEntries")) == 1
        assert (await terminal.run(billing, "ledger", "--limit", "2", "--all")).exit_code == 2
        assert (await terminal.run(billing, "ledger", "--since", "soon")).exit_code == 2


STATEMENT = pb.GetStatementResponse(
    month="2026-11",
    time_zone="America/New_York",
    currency="USD",
    opening=pb.StatementBalance(available_micros=1_000_001),
    lines=[
        pb.StatementLine(
            date="2026-11-03",
            kind=pb.LEDGER_ENTRY_KIND_TOP_UP,
            entries=1,
            available_micros=50_000_000,
        ),
        pb.StatementLine(
            date="2026-11-03",
            kind=pb.LEDGER_ENTRY_KIND_HOLD,
            entries=1_200,
            billable_segments=2_400,
            available_micros=-36_000_000,
            held_micros=36_000_000,
        ),
        pb.StatementLine(
            date="2026-11-04",
            kind=pb.LEDGER_ENTRY_KIND_CAPTURE,
            entries=1_200,
            billable_segments=2_400,
            held_micros=-36_000_000,
            spent_micros=36_000_000,
        ),
    ],
    closing=pb.StatementBalance(available_micros=15_000_001, spent_micros=36_000_000),
)


async def test_a_statement_is_a_table_or_csv_whose_columns_add_up() -> None:
    async with scripted({"Billing.GetStatement": STATEMENT}) as terminal:
        table = await terminal.run(billing, "statement", "--month", "2026-11")
        printed = await terminal.run(billing, "statement", "--csv")
        as_json = await terminal.run(billing, "statement", "--json")
        months = [each.month for each in terminal.requests("Billing.GetStatement")]
        for wrong in (("--month", "2026-13"), ("--month", "11/2026"), ("--csv", "--json")):
            assert (await terminal.run(billing, "statement", *wrong)).exit_code == 2
    assert months == ["2026-11", "", ""]
    lines = [words(line) for line in table.output.splitlines()]
    assert lines[0] == "Statement of 2026-11, by the days of America/New_York"
    assert lines[2] == "Opening 1.000001 USD 0.00 USD 0.00 USD"
    assert lines[4] == "2026-11-03 hold 1,200 2,400 -36.00 USD +36.00 USD"
    assert lines[6] == "Closing 15.000001 USD 0.00 USD 36.00 USD"
    assert json.loads(as_json.output)["closing"]["available_micros"] == "15000001"

    header, *rows = list(csv.reader(io.StringIO(printed.stdout_bytes.decode(), newline="")))
    assert tuple(header) == HEADER
    assert rows[1] == [
        *("2026-11", "2026-11-03", "top-up", "1", "0", "50.000000", "0.000000", "0.000000", "USD")
    ]
    for name in ("available", "held", "spent"):
        *above, closing = [Decimal(row[header.index(name)]) for row in rows]
        assert sum(above) == closing
    assert printed.stdout_bytes.count(b"\r\n") == len(rows) + 1


async def test_prices_are_shown_with_those_that_follow() -> None:
    def listed(version: int, micros: int) -> pb.PriceList:
        prices = [
            pb.SegmentPrice(country=country, encoding=encoding, price_micros=micros + encoding)
            for country in ("CA", "US")
            for encoding in (ENCODING_UCS2, ENCODING_GSM7)
        ]
        return pb.PriceList(version=version, currency="USD", prices=prices)

    later = listed(4, 8_000)
    later.effective_time.FromJsonString("2027-01-01T05:00:00Z")
    answer = pb.GetPricesResponse(current=listed(1, 7_500), upcoming=[later])
    async with scripted({"Billing.GetPrices": [answer, pb.GetPricesResponse()]}) as terminal:
        table = (await terminal.run(billing, "prices")).output
        none = await terminal.run(billing, "prices")
    lines = [words(each) for each in table.splitlines()]
    assert lines[0] == "Version From US GSM-7 US UCS-2 CA GSM-7 CA UCS-2"
    assert lines[1].startswith("1 the beginning 0.007501 USD 0.007502 USD 0.007501 USD")
    assert lines[2].startswith("4 2027-01-01 05:00:00 0.008001 USD")
    assert "no prices yet" in none.output


async def test_top_ups_are_listed_with_what_became_of_them() -> None:
    answer = pb.ListTopUpsResponse(
        top_ups=[
            top_up(pb.TOP_UP_STATE_FAILED, failure_code="expired_card", automatic=True),
            top_up(pb.TOP_UP_STATE_SUCCEEDED),
        ]
    )
    async with scripted({"Billing.ListTopUps": [answer, pb.ListTopUpsResponse()]}) as terminal:
        table = (await terminal.run(billing, "top-ups")).output
        assert (await terminal.run(billing, "top-ups")).output == "There are none.\n"
    assert "auto-buy  declined (expired_card)" in table
    assert "hand      paid" in table


@pytest.mark.parametrize(
    ("words_of", "enumeration"),
    [
        (money_words.KINDS, pb.LedgerEntryKind),
        (money_words.TOP_UP_STATES, pb.TopUpState),
        (money_words.OBSTACLES, pb.AutoBuyObstacle),
    ],
)
def test_every_value_has_its_words(words_of: dict[int, str], enumeration: Any) -> None:
    assert set(words_of) == set(enumeration.values()) - {0}


@pytest.mark.parametrize("name", list(billing.commands))
def test_every_command_has_help_with_an_example_and_prints_json(name: str) -> None:
    ran = CliRunner().invoke(billing, [name, "--help"])
    assert f"outbound-sms billing {name}" in words(ran.output)
    assert "--json" in ran.output


@pytest.mark.parametrize(
    ("code", "advice"),
    [("amount_too_small", "a larger one"), ("amount_too_large", "a smaller one")],
)
def test_a_decline_of_the_amount_does_not_blame_the_card(code: str, advice: str) -> None:
    said = money_words.decline_in_words(top_up(pb.TOP_UP_STATE_FAILED, failure_code=code))
    assert advice in said
    assert "payment method" not in said


@pytest.mark.parametrize("amount", ["0", "0.001", "10.005", "1000000.01"])
async def test_what_cannot_be_charged_is_refused_in_units(amount: str) -> None:
    async with scripted({}) as terminal:
        ran = await terminal.run(billing, "add-funds", amount, "--yes")
    assert ran.exit_code == 2
    assert "give 0.01 to 1000000, in whole cents" in words(ran.output)
