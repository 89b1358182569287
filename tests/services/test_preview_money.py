"""What a preview says of money: the exact price, whether the balance will do, and what to do."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.store.pool import Pool
from outboundsms.v1 import body_pb2, signatures_pb2
from outboundsms.v1 import mass_messages_pb2 as pb
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from outboundsms.v1.signatures_pb2_grpc import SignaturesStub
from tests.dispatch.claims import claim
from tests.dispatch.money import balance, intend, settle
from tests.factories import (
    PLENTY,
    Isp,
    add_account,
    add_company,
    add_contact,
    add_funds,
    add_number,
    add_subscribers,
    make_isp,
    phone,
)
from tests.price_lists import DIFFERENT, flat, forget_prices, set_prices
from tests.services.failures import failure
from tests.services.fire_calls import fire, make_subscribers
from tests.services.mass_message_requests import create, preview, spec
from tests.services.running import Stubs, Tenant

SUCCEEDED = 3
# One segment by either rule, and two of UCS-2 on the air that the product's rule bills as one.
SHORT, LONG = 1, 2
OUTSIDE_GSM7 = "Fibre Forêt"


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    return await make_isp(
        pool, instance_id=instance.instance.id, segments_per_second=100_000, funds=0
    )


@pytest.fixture
def mass(stub: Stubs) -> Any:
    return stub(MassMessagesStub)


async def make_recipients(pool: Pool, isp: Isp) -> None:
    """Recipients in both countries, of a company with GSM-7 texts and of one with UCS-2 texts."""
    companies = [isp.company_id, await add_company(pool, isp.instance_id, OUTSIDE_GSM7)]
    await pool.execute(
        "INSERT INTO company_department SELECT $1, $2, department_id, phone_number, email_address "
        "FROM company_department WHERE company_id = $3",
        isp.instance_id,
        companies[1],
        isp.company_id,
    )
    number = 0
    for company_id, americans, canadians in zip(companies, (2, 5), (3, 7), strict=True):
        for country, recipients in (("US", americans), ("CA", canadians)):
            for _ in range(recipients):
                account = await add_account(pool, isp, f"A{number}", company_id=company_id)
                contact = await add_contact(pool, isp, account)
                await add_number(pool, isp, contact, phone(number), country=country)
                number += 1


@pytest.mark.parametrize("rule", list(BillingRule))
@pytest.mark.parametrize("template", [SHORT, LONG])
async def test_the_preview_the_texts_and_the_ledger_agree_to_the_micro(
    mass: Any, pool: Pool, isp: Isp, rule: BillingRule, template: int
) -> None:
    await pool.execute("UPDATE instance SET billing_rule = $1", rule)
    await pool.execute("UPDATE signature SET template = $1", template)
    made = await set_prices(pool)
    await make_recipients(pool, isp)
    await add_funds(pool, isp.instance_id, PLENTY)
    said = await preview(mass, spec())
    assert {each.body.encoding for each in said.bodies} == {1, 2} and said.recipients == 17
    sent = await create(mass, spec())
    await expand_all(pool)
    texts = await pool.fetch(
        "SELECT m.cost_micros, m.billable_segments, m.price_list_version, p.country, b.encoding, "
        "d.cost_micros AS queued FROM message m JOIN body b ON b.id = m.body_id "
        "JOIN phone_number p ON p.e164 = m.phone JOIN dispatch d ON d.message_id = m.id "
        "WHERE m.mass_message_id = $1",
        UUID(sent.mass_message_id),
    )
    assert {(row["country"], row["encoding"]) for row in texts} == set(DIFFERENT)
    for row in texts:
        price = DIFFERENT[row["country"], row["encoding"]]
        assert row["cost_micros"] == row["queued"] == row["billable_segments"] * price
        assert row["price_list_version"] == made.version
    assert said.cost_micros == sum(row["cost_micros"] for row in texts)
    queued = await preview(mass, spec())
    assert queued.queued_cost_micros == said.cost_micros
    claimed = await claim(pool, isp.sending_number_id)
    assert await balance(pool, isp.instance_id) == (
        PLENTY - said.cost_micros,
        said.cost_micros,
        0,
    )
    await intend(pool, claimed)
    await settle(pool, claimed)
    assert await balance(pool, isp.instance_id) == (
        PLENTY - said.cost_micros,
        0,
        said.cost_micros,
    )
    captured = await pool.fetchval(
        "SELECT sum(amount_micros) FROM ledger_entry WHERE kind = 3 AND instance_id = $1",
        isp.instance_id,
    )
    assert captured == said.cost_micros


async def test_both_rules_bill_long_texts_of_ucs2_differently(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    """Without it the test above might see no difference between the rules."""
    await make_recipients(pool, isp)
    costs = []
    for rule in BillingRule:
        await pool.execute("UPDATE instance SET billing_rule = $1", rule)
        costs.append((await preview(mass, spec())).cost_micros)
    assert costs[0] < costs[1]


async def test_prices_that_change_while_texts_are_made_are_not_theirs(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 9)
    before = await set_prices(pool, flat(100))
    said = await preview(mass, spec())
    sent = await create(mass, spec())
    await expand_once(pool, 4)
    after = await set_prices(pool, flat(777))
    await expand_all(pool)
    rows = await pool.fetch(
        "SELECT DISTINCT m.cost_micros, d.cost_micros AS queued, m.price_list_version "
        "FROM message m JOIN dispatch d ON d.message_id = m.id WHERE m.mass_message_id = $1",
        UUID(sent.mass_message_id),
    )
    each = said.cost_micros // 9
    assert [tuple(row) for row in rows] == [(each, each, before.version)]
    assert (await preview(mass, spec())).cost_micros == said.cost_micros // 100 * 777
    later = await create(mass, spec())
    assert (
        await pool.fetchval(
            "SELECT price_list_version FROM mass_message WHERE id = $1",
            UUID(later.mass_message_id),
        )
        == after.version
    )


async def test_a_price_list_of_a_later_time_does_not_count_yet(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 1)
    said = await preview(mass, spec())
    later = await pool.fetchval("SELECT clock_timestamp() + interval '1 hour'")
    await set_prices(pool, flat(1), effective_time=later)
    assert (await preview(mass, spec())).cost_micros == said.cost_micros


async def test_texts_of_mass_messages_from_before_the_ledger_are_free(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 3)
    await create(mass, spec())
    await pool.execute("UPDATE mass_message SET price_list_version = NULL")
    await expand_all(pool)
    rows = await pool.fetch(
        "SELECT m.cost_micros, m.price_list_version, d.cost_micros AS queued "
        "FROM message m JOIN dispatch d ON d.message_id = m.id"
    )
    assert [tuple(row) for row in rows] == [(0, None, None)] * 3


async def test_without_prices_nothing_is_previewed_or_accepted(
    mass: Any, stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    subscribers = await make_subscribers(pool, instance.instance.id)
    await forget_prices(pool)
    for call in (preview(mass, spec()), create(mass, spec()), fire(stub)):
        told = await failure(call)
        assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_PRICES")
        assert told.metadata == {"currency": "EUR"}
    for table in ("mass_message", "message", "body", "trigger_fire"):
        assert await subscribers.count(table) == 0, table


async def test_a_text_is_previewed_at_the_price_of_the_instance_s_own_country(
    stub: Stubs, pool: Pool, isp: Isp
) -> None:
    await set_prices(pool)

    async def cost(text: str) -> int:
        request = signatures_pb2.PreviewTextRequest(text=text)
        body: body_pb2.RenderedBody = (await stub(SignaturesStub).PreviewText(request)).body
        return body.cost_micros

    assert [await cost("Hello"), await cost("Forêt")] == [7_001, 9_013]
    await pool.execute("UPDATE instance SET country = 'CA'")
    assert [await cost("Hello"), await cost("Forêt")] == [11_027, 13_049]
    await forget_prices(pool)
    assert await cost("Hello") == 0


def warned(answer: pb.PreviewMassMessageResponse) -> list[str]:
    return [each for each in answer.warnings if each.startswith("The balance is ")]


async def test_a_balance_that_does_is_not_warned_of(mass: Any, pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 2)
    cost = (await preview(mass, spec())).cost_micros
    await add_funds(pool, isp.instance_id, cost)
    answer = await preview(mass, spec())
    assert (answer.available_micros, answer.queued_cost_micros) == (cost, 0)
    assert (answer.shortfall_micros, answer.auto_buy_covers) == (0, False)
    assert warned(answer) == []


async def test_what_waits_in_the_queue_is_paid_before(mass: Any, pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 2)
    cost = (await preview(mass, spec())).cost_micros
    await add_funds(pool, isp.instance_id, 2 * cost - 1)
    await create(mass, spec())
    await expand_all(pool)
    answer = await preview(mass, spec())
    assert (answer.available_micros, answer.queued_cost_micros) == (2 * cost - 1, cost)
    assert answer.shortfall_micros == 1
    assert warned(answer) == [
        "The balance is 0.000001 USD short, so that the last texts would not be sent; add funds, "
        "or switch on auto-buy."
    ]
    claimed = await claim(pool, isp.sending_number_id)
    assert len(claimed) == 2
    answer = await preview(mass, spec())
    assert (answer.available_micros, answer.queued_cost_micros) == (cost - 1, 0)
    assert answer.shortfall_micros == 1


async def test_nobody_to_text_lacks_no_money(mass: Any, pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 2)
    await create(mass, spec())
    await expand_all(pool)
    await pool.execute("UPDATE phone_number SET sms_opt_in = false")
    answer = await preview(mass, spec())
    assert answer.queued_cost_micros > 0
    assert (answer.shortfall_micros, warned(answer)) == (0, [])


async def set_auto_buy(
    pool: Pool, isp: Isp, amount: int, daily: int, monthly: int, *, enabled: bool = True
) -> None:
    await pool.execute(
        "INSERT INTO auto_buy (instance_id, enabled, amount_micros, daily_cap_micros, "
        "monthly_cap_micros, payment_method) VALUES ($1, $2, $3, $4, $5, 'pm_card') "
        "ON CONFLICT (instance_id) DO UPDATE SET enabled = $2, amount_micros = $3, "
        "daily_cap_micros = $4, monthly_cap_micros = $5, update_time = clock_timestamp()",
        isp.instance_id,
        enabled,
        amount,
        daily,
        monthly,
    )


async def add_top_up(
    pool: Pool, isp: Isp, amount: int, state: int, create_time: datetime | None = None
) -> None:
    """An automatic top-up; money that came in by it has been taken out again."""
    top_up_id = await pool.fetchval(
        "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
        "payment_method, state, create_time, finish_time) VALUES ($1, true, $2, 'USD', '', "
        "'pm_card', $3::smallint, coalesce($4, clock_timestamp()), "
        "CASE WHEN $3::smallint > 2 THEN coalesce($4, clock_timestamp()) END) RETURNING id",
        isp.instance_id,
        amount,
        state,
        create_time,
    )
    if state == SUCCEEDED:
        await pool.execute(
            "INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id) "
            "VALUES ($1, 1, $2, $3)",
            isp.instance_id,
            amount,
            top_up_id,
        )
        await add_funds(pool, isp.instance_id, -amount)


async def test_automatic_top_ups_cover_what_their_caps_let_them(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 10)
    short = (await preview(mass, spec())).shortfall_micros
    amount = -(-short // 2)

    async def covered() -> bool:
        answer = await preview(mass, spec())
        assert answer.shortfall_micros == short
        [warning] = warned(answer)
        assert ("automatic top-ups make up for" in warning) is answer.auto_buy_covers
        return answer.auto_buy_covers

    await set_auto_buy(pool, isp, amount, 2 * amount, 2 * amount, enabled=False)
    assert not await covered()
    await set_auto_buy(pool, isp, amount, 2 * amount, 2 * amount)
    assert await covered()
    await set_auto_buy(pool, isp, amount, 2 * amount - 1, 2 * amount)
    assert not await covered()
    await set_auto_buy(pool, isp, amount, 2 * amount, 2 * amount - 1)
    assert not await covered()


@pytest.mark.parametrize(
    ("span", "before", "daily", "monthly", "covered"),
    [
        ("day", 0, 1, 9, False),
        ("day", 0, 2, 2, True),
        ("day", 1, 1, 9, True),
        ("month", 0, 9, 1, False),
        ("month", 1, 9, 1, True),
    ],
)
async def test_what_has_been_bought_counts_by_the_days_and_months_of_the_instance(
    mass: Any, pool: Pool, isp: Isp, span: str, before: int, daily: int, monthly: int, covered: bool
) -> None:
    """Of a top-up at the very beginning of the span, or a microsecond `before`."""
    await add_subscribers(pool, isp, 10)
    short = (await preview(mass, spec())).shortfall_micros
    await pool.execute("UPDATE instance SET time_zone = 'Pacific/Kiritimati'")
    begun = await pool.fetchval(
        "SELECT date_trunc($1, clock_timestamp() AT TIME ZONE 'Pacific/Kiritimati') "
        "AT TIME ZONE 'Pacific/Kiritimati'",
        span,
    )
    bought = begun - timedelta(microseconds=before)
    await add_top_up(pool, isp, short, SUCCEEDED, bought)
    await set_auto_buy(pool, isp, short, daily * short, monthly * short)
    answer = await preview(mass, spec())
    assert answer.shortfall_micros == short
    assert answer.auto_buy_covers is covered


async def test_a_top_up_that_is_open_is_counted_and_one_that_failed_stops_the_next(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 10)
    short = (await preview(mass, spec())).shortfall_micros
    await set_auto_buy(pool, isp, short, short, short)
    await add_top_up(pool, isp, short, 2)
    assert (await preview(mass, spec())).auto_buy_covers
    await pool.execute("UPDATE top_up SET state = 4, finish_time = clock_timestamp()")
    answer = await preview(mass, spec())
    assert not answer.auto_buy_covers
    assert "automatic top-ups do not make up for it now" in warned(answer)[0]
    await pool.execute("UPDATE auto_buy SET update_time = clock_timestamp()")
    assert (await preview(mass, spec())).auto_buy_covers


async def expand_all(pool: Pool) -> None:
    while await expand_once(pool, 5):
        pass
