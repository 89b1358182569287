"""Money at the claim: what is held, who is paid first, and what happens to the rest."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, OpenGroup
from outbound_sms.store.pool import Pool
from outbound_sms.store.suppressions import CARRIER, suppress
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import balance, entries, intend, settle, with_status
from tests.dispatch.queue_factory import PRICE, Queued, add_triggered, fill_queue
from tests.factories import add_funds

UNPAID = MessageStatus.INSUFFICIENT_FUNDS


async def set_auto_buy(pool: Pool, instance_id: UUID, threshold: int = 0, **caps: int) -> None:
    """Automatic top-ups of a dollar, within caps that are large unless told."""
    await pool.execute(
        "INSERT INTO auto_buy (instance_id, enabled, threshold_micros, amount_micros, "
        "daily_cap_micros, monthly_cap_micros, payment_method) "
        "VALUES ($1, true, $2, 1000000, $3, $4, 'pm_card_visa')",
        instance_id,
        threshold,
        caps.get("daily", 10**9),
        caps.get("monthly", 10**9),
    )


async def top_ups(pool: Pool, instance_id: UUID) -> int:
    """How many were opened."""
    count: int = await pool.fetchval(
        "SELECT count(*) FROM top_up WHERE instance_id = $1", instance_id
    )
    return count


async def waiting(pool: Pool) -> int:
    """Texts in the queue that nobody has."""
    count: int = await pool.fetchval("SELECT count(*) FROM dispatch WHERE owner IS NULL")
    return count


async def test_the_price_of_what_is_claimed_is_held_and_no_more(pool: Pool) -> None:
    queued = await fill_queue(pool, 5, funds=100 * PRICE)
    claimed = await claim(pool, queued.sending_number_id, most=3)
    assert len(claimed) == 3
    assert await balance(pool, queued.instance_id) == (97 * PRICE, 3 * PRICE, 0)
    assert await entries(pool, claimed[0].message_id) == ["hold"]
    assert await entries(pool, queued.message_ids[4]) == []


async def test_what_does_not_fit_is_not_sent_and_what_came_first_is(pool: Pool) -> None:
    queued = await fill_queue(pool, 5, funds=3 * PRICE + PRICE - 1)
    urgent = await add_triggered(pool, queued, 1)
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == [*urgent, *queued.message_ids[:2]]
    assert await with_status(pool, UNPAID) == queued.message_ids[2:]
    assert await balance(pool, queued.instance_id) == (PRICE - 1, 3 * PRICE, 0)
    for message_id in queued.message_ids[2:]:
        assert await entries(pool, message_id) == []
    parked = await pool.fetch("SELECT message_id FROM unfunded ORDER BY 1")
    assert [row["message_id"] for row in parked] == queued.message_ids[2:]
    await check_history(pool)


async def test_nobody_behind_what_cannot_be_paid_goes_before_it(pool: Pool) -> None:
    """First in, first served: a cheap text does not overtake a dear one."""
    queued = await fill_queue(pool, 3, funds=2 * PRICE)
    dear = queued.message_ids[0]
    await pool.execute(
        "UPDATE dispatch SET cost_micros = $2 WHERE message_id = $1", dear, 3 * PRICE
    )
    await pool.execute("UPDATE message SET cost_micros = $2 WHERE id = $1", dear, 3 * PRICE)
    assert await claim(pool, queued.sending_number_id) == []
    assert await with_status(pool, UNPAID) == queued.message_ids


async def test_sixteen_claimers_on_one_balance_spend_it_to_the_last_text(pool: Pool) -> None:
    queued = await fill_queue(pool, 6_000, funds=5_000 * PRICE + 1)

    async def work() -> int:
        taken, owner = 0, uuid4()
        while await pool.fetchval("SELECT EXISTS (SELECT FROM dispatch WHERE owner IS NULL)"):
            taken += len(await claim(pool, queued.sending_number_id, 100, owner))
        return taken

    assert sum(await asyncio.gather(*(work() for _ in range(16)))) == 5_000
    assert await balance(pool, queued.instance_id) == (1, 5_000 * PRICE, 0)
    assert len(await with_status(pool, UNPAID)) == 1_000


async def test_claims_of_two_numbers_at_once_do_not_spend_the_same_money(pool: Pool) -> None:
    queued = await fill_queue(pool, 400, funds=300 * PRICE)
    second = await pool.fetchval(
        "INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second) "
        "VALUES ($1, '+12025550198', 'null', 1e9) RETURNING id",
        queued.instance_id,
    )
    await pool.execute(
        "INSERT INTO sending_rate (sending_number_id, tokens) VALUES ($1, 1e6)", second
    )
    await pool.execute(
        "UPDATE dispatch SET sending_number_id = $1 WHERE message_id = ANY ($2)",
        second,
        queued.message_ids[:200],
    )
    both = [OpenGroup(number, 5, "", None) for number in (queued.sending_number_id, second)]
    claims = [
        store.claim(pool, groups, most_each=20, owner=OWNER, lease_seconds=45)
        for _ in range(20)
        for groups in (both, both[:1], both[1:])
    ]
    taken = [m.message_id for part in await asyncio.gather(*claims) for m in part]
    assert len(taken) == len(set(taken)) == 300
    assert await balance(pool, queued.instance_id) == (0, 300 * PRICE, 0)


async def test_what_is_given_back_keeps_its_hold_and_is_not_held_again(pool: Pool) -> None:
    queued = await fill_queue(pool, 2, funds=PRICE)
    (first,) = await claim(pool, queued.sending_number_id, most=1)
    back = GivenBack(first.message_id, first.fence, 0, 0, "null", AttemptOutcome.NONE)
    await store.give_back(pool, [back], owner=OWNER)
    assert await balance(pool, queued.instance_id) == (0, PRICE, 0)
    (again,) = await claim(pool, queued.sending_number_id)
    assert again.message_id == first.message_id
    assert await entries(pool, first.message_id) == ["hold"]
    assert await with_status(pool, UNPAID) == [queued.message_ids[1]]


async def test_a_text_that_costs_nothing_needs_no_money(pool: Pool) -> None:
    queued = await fill_queue(pool, 3, funds=0)
    await pool.execute(
        "UPDATE dispatch SET cost_micros = 0 WHERE message_id <> $1", queued.message_ids[0]
    )
    await pool.execute("UPDATE message SET cost_micros = 0 WHERE id <> $1", queued.message_ids[0])
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == queued.message_ids[1:]
    assert await entries(pool, queued.message_ids[1]) == ["hold"]
    await intend(pool, claimed)
    await settle(pool, claimed)
    assert await entries(pool, queued.message_ids[1]) == ["hold", "capture"]


async def test_a_text_from_before_the_ledger_is_sent_and_not_charged(pool: Pool) -> None:
    queued = await fill_queue(pool, 1, funds=0)
    await pool.execute("UPDATE dispatch SET cost_micros = NULL")
    await pool.execute("UPDATE message SET price_list_version = NULL")
    claimed = await claim(pool, queued.sending_number_id)
    await intend(pool, claimed)
    await settle(pool, claimed)
    assert await entries(pool, queued.message_ids[0]) == []
    assert len(await with_status(pool, MessageStatus.SENT)) == 1


async def test_a_held_text_whose_number_replied_stop_gets_its_money_back(pool: Pool) -> None:
    queued = await fill_queue(pool, 2, funds=2 * PRICE)
    (first,) = await claim(pool, queued.sending_number_id, most=1)
    back = GivenBack(first.message_id, first.fence, 0, 0, "null", AttemptOutcome.NONE)
    await store.give_back(pool, [back], owner=OWNER)
    await suppress(pool, first.phone, source=CARRIER)
    (second,) = await claim(pool, queued.sending_number_id)
    assert second.message_id == queued.message_ids[1]
    assert await entries(pool, first.message_id) == ["hold", "release"]
    assert await balance(pool, queued.instance_id) == (PRICE, PRICE, 0)


async def test_a_claim_does_not_wait_for_whoever_changes_a_message(pool: Pool) -> None:
    """It has the balance locked, which the other may be about to want."""
    queued = await fill_queue(pool, 2, funds=PRICE)
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM message WHERE id = $1 FOR UPDATE", queued.message_ids[1])
        async with asyncio.timeout(5):
            (claimed,) = await claim(pool, queued.sending_number_id)
        assert claimed.message_id == queued.message_ids[0]
        assert await with_status(pool, UNPAID) == []
    assert await claim(pool, queued.sending_number_id) == []
    assert await with_status(pool, UNPAID) == [queued.message_ids[1]]


async def test_the_claim_that_takes_the_balance_below_the_threshold_opens_a_top_up(
    pool: Pool,
) -> None:
    queued = await fill_queue(pool, 3, funds=10 * PRICE)
    await set_auto_buy(pool, queued.instance_id, threshold=8 * PRICE)
    await claim(pool, queued.sending_number_id, most=2)
    assert await top_ups(pool, queued.instance_id) == 0
    await claim(pool, queued.sending_number_id, most=1)
    assert await top_ups(pool, queued.instance_id) == 1


async def test_an_open_top_up_holds_nothing_up_while_the_money_does(pool: Pool) -> None:
    queued = await fill_queue(pool, 3, funds=10 * PRICE)
    await set_auto_buy(pool, queued.instance_id, threshold=10 * PRICE)
    for _ in range(3):
        assert len(await claim(pool, queued.sending_number_id, most=1)) == 1
    assert await top_ups(pool, queued.instance_id) == 1


async def wait_for_top_up(pool: Pool) -> Queued:
    """An instance that has sent one text and waits for a top-up with two more."""
    queued = await fill_queue(pool, 3, funds=PRICE)
    await set_auto_buy(pool, queued.instance_id)
    (claimed,) = await claim(pool, queued.sending_number_id)
    assert claimed.message_id == queued.message_ids[0]
    assert await top_ups(pool, queued.instance_id) == 1
    assert await waiting(pool) == 2
    return queued


async def test_texts_wait_while_a_top_up_is_open_and_go_when_it_comes(pool: Pool) -> None:
    queued = await wait_for_top_up(pool)
    assert await store.ready_groups(pool) == [], "nobody looks at them meanwhile"
    groups = [OpenGroup(queued.sending_number_id, 5, "", None)]
    looked_before = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert looked_before == []
    await add_funds(pool, queued.instance_id, 2 * PRICE)
    assert len(await claim(pool, queued.sending_number_id)) == 2
    assert await top_ups(pool, queued.instance_id) == 1


async def test_the_answer_to_a_keyword_does_not_wait_for_money(pool: Pool) -> None:
    queued = await wait_for_top_up(pool)
    answer = queued.message_ids[2]
    await pool.execute(
        "UPDATE dispatch SET priority = 0, cost_micros = NULL WHERE message_id = $1", answer
    )
    await pool.execute(
        "UPDATE message SET kind = 3, cost_micros = 0, price_list_version = NULL WHERE id = $1",
        answer,
    )
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == [answer]


async def test_texts_wait_ten_minutes_and_no_longer(clocked: Pool, clock: DatabaseClock) -> None:
    queued = await wait_for_top_up(clocked)
    await clock.jump(timedelta(minutes=9, seconds=59))
    assert await claim(clocked, queued.sending_number_id) == []
    assert await waiting(clocked) == 2
    await clock.jump(timedelta(seconds=2))
    assert await claim(clocked, queued.sending_number_id) == []
    assert await waiting(clocked) == 0
    assert await with_status(clocked, UNPAID) == queued.message_ids[1:]


@pytest.mark.parametrize("cap", ["daily", "monthly"])
async def test_texts_do_not_wait_for_a_top_up_that_a_cap_forbids(pool: Pool, cap: str) -> None:
    queued = await fill_queue(pool, 3, funds=PRICE)
    await set_auto_buy(pool, queued.instance_id, **{cap: 1_500_000})
    await pool.execute(
        "WITH bought AS (INSERT INTO top_up (instance_id, automatic, amount_micros, currency, "
        "customer, payment_method, state, finish_time) "
        "VALUES ($1, true, 1000000, 'USD', '', 'pm', 3, now()) RETURNING *), "
        "paid AS (INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id) "
        "SELECT instance_id, 1, amount_micros, id FROM bought) "
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) "
        "SELECT instance_id, 6, -amount_micros, 'Spent' FROM bought",
        queued.instance_id,
    )
    assert len(await claim(pool, queued.sending_number_id)) == 1
    assert await with_status(pool, UNPAID) == queued.message_ids[1:]
    assert await top_ups(pool, queued.instance_id) == 1


async def test_one_instance_without_money_takes_none_from_another(pool: Pool) -> None:
    poor = await fill_queue(pool, 3, funds=PRICE)
    rich = await fill_queue(pool, 3, name="Rich", sender="+12025550198", funds=10 * PRICE)
    groups = [OpenGroup(each.sending_number_id, 5, "", None) for each in (poor, rich)]
    claimed = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert {m.message_id for m in claimed} == {poor.message_ids[0], *rich.message_ids}
    assert await balance(pool, poor.instance_id) == (0, PRICE, 0)
    assert await balance(pool, rich.instance_id) == (7 * PRICE, 3 * PRICE, 0)
