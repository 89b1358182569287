"""Top-ups are charged once, whatever the gateway answers and whoever dies, and recorded once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from outbound_sms.billing.top_ups import TopUpWorker
from outbound_sms.domain.top_up import BELIEVED_MISSING, KEY_KEPT, TopUpState
from outbound_sms.payments.gateway import (
    ChargeOutcome,
    Declined,
    FindOutcome,
    NotCharged,
    Processing,
    Unanswered,
)
from outbound_sms.store import top_ups as store
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from tests.billing.purchases import TWENTY, add_top_up, cross, lock_waits, money, set_auto_buy
from tests.billing.scripted_gateway import ScriptedGateway
from tests.clock import DatabaseClock
from tests.factories import make_isp
from tests.waiting import wait_until

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Shop:
    """An instance with no money, a gateway, and a worker on the test's clock."""

    def __init__(self, owner: Pool, pool: Pool, clock: DatabaseClock, instance_id: UUID) -> None:
        self.owner = owner
        self.pool = pool
        self.clock = clock
        self.instance_id = instance_id
        self.gateway = ScriptedGateway()
        self.settled: list[None] = []
        self.worker = self.make_worker()

    def make_worker(self, pool: Pool | None = None) -> TopUpWorker:
        return TopUpWorker(pool or self.pool, self.gateway, lambda: self.settled.append(None))

    async def work(self) -> int:
        """Takes what is due and waits for it to be recorded; returns how many there were."""
        taken = await self.worker.take_once()
        await self.worker.drain()
        return taken

    async def answer(self, *answers: ChargeOutcome | Exception, charges: bool = False) -> UUID:
        """A top-up that is asked for as often as there are answers, with long pauses between."""
        self.gateway.answers.extend(answers)
        self.gateway.charges = charges
        made = await add_top_up(self.pool, self.instance_id)
        for _ in answers:
            assert await self.work() == 1
            await self.clock.jump(HOUR)
        return made

    async def get(self, top_up_id: UUID) -> store.TopUp:
        return await store.get_top_up(self.pool, self.instance_id, top_up_id)

    async def money(self) -> tuple[int, int]:
        return await money(self.pool, self.instance_id)


@pytest.fixture
async def shop(pool: Pool, clocked: Pool, clock: DatabaseClock) -> AsyncIterator[Shop]:
    made = Shop(pool, clocked, clock, (await make_isp(pool, funds=0)).instance_id)
    yield made
    made.gateway.open.set()
    await made.worker.drain()


async def test_a_paid_top_up_is_money_in_the_balance(shop: Shop) -> None:
    made = await add_top_up(shop.pool, shop.instance_id)
    assert (await shop.get(made)).state is TopUpState.OPEN
    assert await shop.work() == 1
    ended = await shop.get(made)
    assert (ended.state, ended.attempts) == (TopUpState.SUCCEEDED, 1)
    assert ended.gateway_payment_id == f"pi_{made}"
    assert ended.finish_time is not None
    assert await shop.money() == (TWENTY, 1)
    [charge] = shop.gateway.asked
    assert (charge.top_up_id, charge.amount_micros, charge.currency) == (made, TWENTY, "USD")
    assert (charge.customer, charge.payment_method) == ("cus_1", "pm_card_visa")
    assert shop.settled
    await shop.clock.jump(HOUR)
    assert await shop.work() == 0


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(shop: Shop) -> None:
    made = await shop.answer(Unanswered("lost"), Unanswered("lost again"), charges=True)
    assert (await shop.get(made)).state is TopUpState.CHARGING
    assert await shop.money() == (0, 0)
    assert await shop.work() == 1
    assert {charge.top_up_id for charge in shop.gateway.asked} == {made}
    assert len({(c.amount_micros, c.customer, c.payment_method) for c in shop.gateway.asked}) == 1
    assert (len(shop.gateway.asked), shop.gateway.charged[made]) == (3, 1)
    assert await shop.money() == (TWENTY, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Unanswered("timeout"),
        NotCharged("wrong key"),
        Processing("pi_1"),
        RuntimeError("a defect of the adapter"),
    ],
)
async def test_what_settles_nothing_is_asked_again_after_longer_and_longer_pauses(
    shop: Shop, answer: ChargeOutcome | Exception
) -> None:
    shop.gateway.answers.extend([answer] * 6)
    made = await add_top_up(shop.pool, shop.instance_id)
    for pause in (5, 15, 60, 300, 900, 900):
        with capture_logs():
            assert await shop.work() == 1
        assert (await shop.get(made)).state is TopUpState.CHARGING
        await shop.clock.jump((pause - 2) * SECOND)
        assert await shop.work() == 0, f"before {pause} s"
        await shop.clock.jump(3 * SECOND)
    assert not shop.settled
    assert await shop.work() == 1
    assert await shop.money() == (TWENTY, 1)


async def test_a_gateway_that_cannot_charge_is_an_error_in_the_log(shop: Shop) -> None:
    with capture_logs() as logs:
        made = await shop.answer(NotCharged("API key refused"))
    [line] = [each for each in logs if each["log_level"] == "error"]
    assert (line["top_up_id"], line["reason"]) == (str(made), "API key refused")


async def test_a_declined_top_up_fails_and_moves_no_money(shop: Shop) -> None:
    with capture_logs() as logs:
        made = await shop.answer(Declined("insufficient_funds", "pi_9"))
    ended = await shop.get(made)
    assert (ended.state, ended.failure_code) == (TopUpState.FAILED, "insufficient_funds")
    assert ended.gateway_payment_id == "pi_9"
    assert ended.finish_time is not None
    assert await shop.money() == (0, 0)
    assert await shop.work() == 0
    [line] = [each for each in logs if each["log_level"] == "warning"]
    assert (line["event"], line["code"]) == ("top-up declined", "insufficient_funds")


@pytest.mark.parametrize("answer", [Declined("card_declined"), None])
async def test_texts_wait_no_longer_when_the_automatic_top_up_has_ended(
    shop: Shop, answer: ChargeOutcome | None
) -> None:
    await set_auto_buy(shop.owner, shop.instance_id)
    assert await cross(shop.pool, shop.instance_id, short=True)
    await shop.pool.execute("UPDATE balance SET waits_until = now() + interval '10 minutes'")
    if answer is not None:
        shop.gateway.answers.append(answer)
    assert await shop.work() == 1
    assert await shop.pool.fetchval("SELECT waits_until FROM balance") is None
    assert shop.settled


async def test_a_claim_that_makes_texts_wait_while_the_top_up_fails_does_not_keep_them_waiting(
    shop: Shop,
) -> None:
    await set_auto_buy(shop.owner, shop.instance_id)
    await cross(shop.pool, shop.instance_id)
    shop.gateway.answers.append(Declined("card_declined"))
    async with shop.pool.acquire() as claim, claim.transaction():
        await claim.execute("SELECT FROM balance FOR UPDATE")
        await shop.worker.take_once()
        await wait_until(lambda: lock_waits(shop.owner), describe="the failure to wait")
        await claim.execute("UPDATE balance SET waits_until = now() + interval '10 minutes'")
    await shop.worker.drain()
    assert await shop.pool.fetchval("SELECT waits_until FROM balance") is None


async def test_a_key_that_the_gateway_may_have_forgotten_is_never_charged_again(shop: Shop) -> None:
    made = await shop.answer(Unanswered("lost"), charges=True)
    await shop.clock.jump(KEY_KEPT - HOUR)
    shop.gateway.known.clear()
    assert await shop.work() == 1
    assert (len(shop.gateway.asked), shop.gateway.looked_up) == (1, [made])
    assert (await shop.get(made)).state is TopUpState.SUCCEEDED
    assert (shop.gateway.charged[made], await shop.money()) == (1, (TWENTY, 1))


@pytest.mark.parametrize(
    ("found", "state", "code"),
    [
        (Declined("card_declined", "pi_2"), TopUpState.FAILED, "card_declined"),
        (Processing("pi_2"), TopUpState.CHARGING, ""),
        (Unanswered("no answer"), TopUpState.CHARGING, ""),
        (None, TopUpState.FAILED, "never_charged"),
    ],
)
async def test_after_a_day_what_the_gateway_knows_decides(
    shop: Shop, found: FindOutcome | None, state: TopUpState, code: str
) -> None:
    shop.gateway.found = found
    made = await shop.answer(Unanswered("lost"))
    await shop.clock.jump(BELIEVED_MISSING)
    assert await shop.work() == 1
    ended = await shop.get(made)
    assert (ended.state, ended.failure_code) == (state, code)
    assert len(shop.gateway.asked) == 1
    assert await shop.money() == (0, 0)


async def test_a_payment_that_the_search_does_not_show_yet_is_looked_for_again(shop: Shop) -> None:
    made = await shop.answer(Unanswered("lost"))
    await shop.clock.jump(KEY_KEPT)
    assert await shop.work() == 1
    assert (await shop.get(made)).state is TopUpState.CHARGING
    shop.gateway.charged[made] = 1
    await shop.clock.jump(HOUR)
    assert await shop.work() == 1
    assert (len(shop.gateway.looked_up), await shop.money()) == (2, (TWENTY, 1))


async def test_a_success_that_is_recorded_many_times_counts_once(shop: Shop) -> None:
    made = await add_top_up(shop.pool, shop.instance_id)
    states = await asyncio.gather(*(store.succeed(shop.pool, made, "pi_1") for _ in range(20)))
    assert [state for state in states if state is not None] == [TopUpState.OPEN]
    assert not await store.fail(shop.pool, made, "late", None)
    await store.postpone(shop.pool, made, 1)
    assert (await shop.get(made)).state is TopUpState.SUCCEEDED
    assert await shop.money() == (TWENTY, 1)


async def test_money_that_was_charged_after_all_is_the_instances(shop: Shop) -> None:
    made = await shop.answer(Declined("card_declined"))
    assert await store.succeed(shop.pool, made, "pi_1") is TopUpState.FAILED
    ended = await shop.get(made)
    assert (ended.state, ended.failure_code) == (TopUpState.SUCCEEDED, "")
    assert await shop.money() == (TWENTY, 1)


async def test_workers_of_several_processes_do_not_ask_at_once(
    shop: Shop, clock: DatabaseClock
) -> None:
    made = {await add_top_up(shop.pool, shop.instance_id) for _ in range(12)}
    other = await open_pool(
        clock.dsn, min_size=1, max_size=4, application_name="t", role=SessionRole.DISPATCHER
    )
    workers = [shop.make_worker(), shop.make_worker(other)]
    try:
        taken = await asyncio.gather(*(worker.take_once() for worker in workers))
        assert sum(taken) == 12
        await asyncio.gather(*(worker.drain() for worker in workers))
    finally:
        other.terminate()
    assert sorted(charge.top_up_id for charge in shop.gateway.asked) == sorted(made)
    assert await shop.money() == (12 * TWENTY, 12)


async def test_fifty_crossings_while_two_workers_charge_are_one_charge(
    shop: Shop, clock: DatabaseClock
) -> None:
    await set_auto_buy(shop.owner, shop.instance_id)
    other = await open_pool(
        clock.dsn, min_size=1, max_size=4, application_name="t", role=SessionRole.DISPATCHER
    )
    workers = [shop.make_worker(), shop.make_worker(other)]
    shop.gateway.answers.append(Unanswered("lost"))
    shop.gateway.charges = True
    try:
        await asyncio.gather(
            *(cross([shop.pool, other][n % 2], shop.instance_id) for n in range(50)),
            *(worker.take_once() for worker in workers * 3),
        )
        for worker in workers * 2:
            await clock.jump(HOUR)
            await worker.take_once()
            await worker.drain()
    finally:
        other.terminate()
    assert shop.gateway.charged.total() == 1
    assert {charge.top_up_id for charge in shop.gateway.asked} == set(shop.gateway.charged)
    assert await shop.money() == (TWENTY, 1)
    assert await cross(shop.pool, shop.instance_id) is None


async def test_a_worker_does_not_wait_for_what_another_is_taking(shop: Shop) -> None:
    made = await add_top_up(shop.pool, shop.instance_id)
    async with shop.pool.acquire() as first, first.transaction():
        assert [each.top_up.id for each in await store.take_due(first, 8, 30)] == [made]
        assert await store.take_due(shop.pool, 8, 30) == []


async def test_what_a_dead_worker_had_is_asked_again_when_its_lease_has_run_out(
    shop: Shop,
) -> None:
    made = await add_top_up(shop.pool, shop.instance_id)
    shop.gateway.open.clear()
    await shop.worker.take_once()
    await wait_until(lambda: shop.gateway.charged[made] == 1)
    heir = shop.make_worker()
    assert await heir.take_once() == 0
    await shop.clock.jump(40 * SECOND)
    shop.gateway.open.set()
    assert await heir.take_once() == 1
    await heir.drain()
    await shop.worker.drain()
    assert (len(shop.gateway.asked), shop.gateway.charged[made]) == (2, 1)
    assert await shop.money() == (TWENTY, 1)


async def test_a_slow_call_keeps_no_other_top_up_waiting(shop: Shop) -> None:
    slow = await add_top_up(shop.pool, shop.instance_id)
    held = shop.gateway.open
    held.clear()
    await shop.worker.take_once()
    await wait_until(lambda: shop.gateway.charged[slow] == 1)
    shop.gateway.open = asyncio.Event()
    shop.gateway.open.set()
    quick = await add_top_up(shop.pool, shop.instance_id)
    await shop.worker.take_once()
    await wait_until(lambda: _has_ended(shop, quick))
    assert (await shop.get(slow)).state is TopUpState.CHARGING
    held.set()


async def _has_ended(shop: Shop, top_up_id: UUID) -> bool:
    return (await shop.get(top_up_id)).finish_time is not None


async def test_a_stop_leaves_a_call_that_does_not_end_to_the_next_worker(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbound_sms.billing.top_ups.DRAIN_SECONDS", 0.05)
    made = await add_top_up(shop.pool, shop.instance_id)
    shop.gateway.open.clear()
    await shop.worker.take_once()
    await wait_until(lambda: shop.gateway.charged[made] == 1)
    await shop.worker.drain()
    assert (await shop.get(made)).state is TopUpState.CHARGING
    shop.gateway.open.set()
    await shop.clock.jump(HOUR)
    assert await shop.work() == 1
    assert (shop.gateway.charged[made], await shop.money()) == (1, (TWENTY, 1))


@pytest.mark.parametrize("amount", [0, -1, -(2**63)])
async def test_the_database_refuses_top_ups_of_nothing_and_less(shop: Shop, amount: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await add_top_up(shop.pool, shop.instance_id, amount_micros=amount)


async def test_a_balance_that_would_overflow_stays_as_it_was(shop: Shop) -> None:
    largest = 2**63 - 1
    first = await add_top_up(shop.pool, shop.instance_id, amount_micros=largest)
    second = await add_top_up(shop.pool, shop.instance_id, amount_micros=10_000)
    await store.succeed(shop.pool, first, "pi_1")
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await store.succeed(shop.pool, second, "pi_2")
    assert (await shop.get(second)).state is TopUpState.OPEN
    assert await shop.money() == (largest, 1)
