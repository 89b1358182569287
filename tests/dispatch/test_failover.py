"""A sending number with several carriers: their shares, and what happens when one of them fails."""

from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import (
    Found,
    InDoubt,
    LookUp,
    NotSent,
    Outcome,
    ReceiptState,
    Refused,
    Throttled,
)
from outbound_sms.domain import retry
from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty, statuses, until_settled
from tests.dispatch.failing_carrier import FailingCarrier, check_each_text_once
from tests.dispatch.queue_factory import Queued, fill_queue, phones
from tests.dispatch.running import QUICK, dispatching
from tests.waiting import wait_until

SOON = replace(QUICK, breaker_pauses=(0.1, 0.4))
UNREACHABLE = NotSent("connection refused")
WRONG_PASSWORD = Refused("ACCOUNT.AUTH", "20003")


async def set_routes(pool: Pool, queued: Queued, **weights: int) -> None:
    """Gives the number of `queued` these carriers."""
    await pool.execute(
        "UPDATE sending_number SET carrier = $2, route_carriers = $3, route_weights = $4, "
        "route_senders = array_fill(NULL::text, ARRAY[$5::int]) WHERE id = $1",
        queued.sending_number_id,
        next(iter(weights)),
        list(weights),
        list(weights.values()),
        len(weights),
    )


def metric(name: str, carrier: str) -> float:
    return REGISTRY.get_sample_value(f"outbound_sms_carrier_{name}", {"carrier": carrier}) or 0.0


async def test_carriers_share_the_texts_of_a_number_by_their_weights(pool: Pool) -> None:
    queued = await fill_queue(pool, 200)
    await set_routes(pool, queued, a=80, b=20)
    a, b = FailingCarrier("a"), FailingCarrier("b")
    async with dispatching(pool, a, b):
        await until_settled(pool)
    check_each_text_once(phones(200), a, b)
    # Five standard deviations of the binomial distribution.
    assert abs(a.accepted.total() - 160) < 29
    rows = await pool.fetch("SELECT carrier, count(*) FROM attempt GROUP BY 1")
    assert {row[0]: row[1] for row in rows} == {
        "a": a.accepted.total(),
        "b": b.accepted.total(),
    }


async def test_a_carrier_is_told_the_sender_of_its_route(pool: Pool) -> None:
    queued = await fill_queue(pool, 60)
    await set_routes(pool, queued, a=50, b=50)
    await pool.execute("UPDATE sending_number SET route_senders = ARRAY['MG1', NULL]")
    a, b = FailingCarrier("a"), FailingCarrier("b")
    async with dispatching(pool, a, b):
        await until_settled(pool)
    assert {s.sender for s in a.submissions} == {"MG1"}
    assert {s.sender for s in b.submissions} == {"+12025550199"}


@pytest.mark.parametrize("failure", [UNREACHABLE, Refused("CARRIER.SYSTEM_ERROR", "30008")])
async def test_when_one_of_two_carriers_dies_the_other_takes_all(
    pool: Pool, failure: Outcome
) -> None:
    queued = await fill_queue(pool, 1000)
    await set_routes(pool, queued, a=50, b=50)
    a, b = FailingCarrier("a"), FailingCarrier("b")

    def die(_: object) -> None:
        if a.accepted.total() == 50:
            a.failure = failure

    a.on_submission = die
    settings = replace(QUICK, workers=8, breaker_pauses=(30.0, 60.0))
    async with dispatching(pool, a, b, settings=settings):
        await until_settled(pool)
        assert metric("breaker_state", "a") == 2
    check_each_text_once(phones(1000), a, b)
    assert a.accepted.total() == 50 and 0 < a.failed <= 20
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1000}
    await check_history(pool)


async def test_a_text_that_surely_was_not_sent_goes_at_once_to_another_carrier(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACK_OFF_SECONDS", (600.0,) * 5)
    queued = await fill_queue(pool, 5)
    await set_routes(pool, queued, a=100, b=1)
    a, b = FailingCarrier("a", UNREACHABLE), FailingCarrier("b")
    async with dispatching(pool, a, b, settings=replace(QUICK, workers=1)):
        await wait_until(lambda: queue_is_empty(pool), 10, "all went out")
    check_each_text_once(phones(5), b)
    failures = await pool.fetchval("SELECT count(*) FROM attempt WHERE outcome = 4")
    assert failures == a.failed > 0


async def test_a_standby_helps_out_only_while_the_carrier_fails(pool: Pool) -> None:
    queued = await fill_queue(pool, 100)
    await set_routes(pool, queued, a=1, standby=0)
    a, standby = FailingCarrier("a"), FailingCarrier("standby")
    async with dispatching(pool, a, standby, settings=SOON):
        await until_settled(pool)
        assert a.accepted.total() == 100
        a.failure = UNREACHABLE
        second = await fill_queue(pool, 100, name="Second", sender="+14165550199")
        await set_routes(pool, second, a=1, standby=0)
        await until_settled(pool)
        assert standby.accepted.total() == 100
        a.failure = None
        senders = (f"+1303555{n:04}" for n in range(100, 200))

        async def works_again() -> bool:
            sender = next(senders)
            one = await fill_queue(pool, 1, name=sender, sender=sender)
            await set_routes(pool, one, a=1, standby=0)
            await until_settled(pool)
            return a.accepted.total() == 101

        await wait_until(works_again, 10, "a text showed that it works again")
        assert metric("breaker_state", "a") == 0
        helped = standby.accepted.total()
        third = await fill_queue(pool, 100, name="Third", sender="+14165550198")
        await set_routes(pool, third, a=1, standby=0)
        await until_settled(pool)
        assert (a.accepted.total(), standby.accepted.total()) == (201, helped)


async def test_a_wrong_password_fails_no_text_and_the_other_carrier_takes_them(pool: Pool) -> None:
    queued = await fill_queue(pool, 300)
    await set_routes(pool, queued, a=50, b=50)
    a, b = FailingCarrier("a", WRONG_PASSWORD), FailingCarrier("b")
    settings = replace(QUICK, workers=4, breaker_pauses=(30.0, 60.0))
    async with dispatching(pool, a, b, settings=settings):
        await until_settled(pool)
    check_each_text_once(phones(300), b)
    assert a.failed <= 4


async def test_with_a_wrong_password_alone_the_texts_wait_until_it_is_right(pool: Pool) -> None:
    queued = await fill_queue(pool, 300)
    carrier = FailingCarrier("null", WRONG_PASSWORD)
    async with dispatching(pool, carrier, settings=replace(SOON, workers=4)):
        await wait_until(lambda: carrier.failed >= 9, 10, "it was tried again and again")
        assert carrier.failed <= 12, "one call at a time"
        assert await pool.fetchval("SELECT max(failures) FROM dispatch") == 1
        carrier.failure = None
        await until_settled(pool)
    check_each_text_once(phones(300), carrier)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 300}
    await check_history(pool)


@pytest.mark.parametrize("failure", [WRONG_PASSWORD, UNREACHABLE])
async def test_a_text_alone_does_not_use_up_its_tries_while_the_carrier_is_down(
    pool: Pool, failure: Outcome
) -> None:
    queued = await fill_queue(pool, 1)
    carrier = FailingCarrier("null", failure)

    async def tried_often() -> bool:
        await pool.execute("UPDATE dispatch SET due_time = now() WHERE owner IS NULL")
        return carrier.failed >= 15

    async with dispatching(pool, carrier, settings=replace(QUICK, breaker_pauses=(0.02, 0.05))):
        await wait_until(tried_often, 20, "it was tried more often than a message has tries")
        assert await pool.fetchval("SELECT failures FROM dispatch") == 1
        carrier.failure = None
        await pool.execute("UPDATE dispatch SET due_time = now() WHERE owner IS NULL")
        await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1}


async def test_when_a_carrier_is_given_up_nothing_more_is_begun_with_it(pool: Pool) -> None:
    await fill_queue(pool, 250)
    carrier = FailingCarrier("null", UNREACHABLE)
    settings = replace(QUICK, workers=1, breaker_pauses=(30.0, 60.0))
    async with dispatching(pool, carrier, settings=settings):
        await wait_until(lambda: metric("breaker_state", "null") == 2, 10, "the breaker opens")

        async def given_back() -> bool:
            return not await pool.fetchval("SELECT count(owner) FROM dispatch")

        await wait_until(given_back, 10, "all was given back")
        # Intents are written in batches, so there are a few more of them than calls.
        assert await pool.fetchval("SELECT count(*) FROM dispatch WHERE attempts > 0") < 50
        assert await pool.fetchval("SELECT count(*) FROM dispatch") == 250


async def test_while_one_carrier_asks_us_to_slow_down_the_other_takes_over(pool: Pool) -> None:
    queued = await fill_queue(pool, 400)
    await set_routes(pool, queued, a=50, b=50)
    a, b = FailingCarrier("a", Throttled(30.0, "20429")), FailingCarrier("b")
    async with dispatching(pool, a, b, settings=replace(QUICK, workers=4)):
        await wait_until(lambda: queue_is_empty(pool), 10, "all went out")
    check_each_text_once(phones(400), b)
    assert 0 < a.failed <= 4
    assert await pool.fetchval("SELECT count(*) FROM attempt WHERE outcome = 3") == a.failed


async def test_a_doubt_is_asked_of_the_carrier_that_was_called_also_after_a_change(
    pool: Pool,
) -> None:
    queued = await fill_queue(pool, 3)
    await set_routes(pool, queued, a=1)
    await pool.execute("UPDATE sending_number SET route_senders = ARRAY['MG1']")
    asked: list[str] = []

    def look_up(recipient: str) -> LookUp:
        asked.append(recipient)
        return Found(f"SM{recipient}", ReceiptState.SENT)

    a, b = FailingCarrier("a", InDoubt("no answer"), look_up), FailingCarrier("b")
    settings = replace(QUICK, look_up_after=(60.0,))
    async with dispatching(pool, a, b, settings=settings):

        async def in_doubt() -> bool:
            query = "SELECT count(*) = 3 FROM dispatch WHERE in_doubt_since IS NOT NULL"
            return bool(await pool.fetchval(query))

        await wait_until(in_doubt, 5, "all are in doubt")
        rows = await pool.fetch("SELECT DISTINCT carrier, sender FROM dispatch")
        assert [tuple(row) for row in rows] == [("a", "MG1")]
        await set_routes(pool, queued, b=1)
        await pool.execute("UPDATE dispatch SET due_time = now()")
        await until_settled(pool)
    assert sorted(asked) == phones(3) and not b.submissions
    assert await statuses(pool, queued.mass_message_id) == {"sent": 3}
    assert set(a.looked_up_as) == {"MG1"}


async def test_a_text_whose_carriers_this_process_does_not_have_stays(pool: Pool) -> None:
    elsewhere = await fill_queue(pool, 5, sender="+14165550199")
    await set_routes(pool, elsewhere, x=50, y=50)
    here = await fill_queue(pool, 5, name="Here")
    await set_routes(pool, here, a=50, y=50)
    a = FailingCarrier("a")
    async with dispatching(pool, a):

        async def done() -> bool:
            return await statuses(pool, here.mass_message_id) == {"sent": 5}

        await wait_until(done, 5, "the others went out")
    assert await statuses(pool, elsewhere.mass_message_id) == {"pending": 5}
