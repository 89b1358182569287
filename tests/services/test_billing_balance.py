"""The balance of an instance as a caller sees it, at one moment and as it changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from outbound_sms.services import balance_watch
from outbound_sms.store import balances
from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.billing_pb2_grpc import BillingStub
from outboundsms.v1.permission_pb2 import PERMISSION_READ_SMS_MESSAGE
from tests.factories import Isp, add_funds, make_isp
from tests.paid_texts import ON_ITS_WAY, PRICE, SENT, PaidTexts, paid_texts
from tests.services.access_calls import add_key, first_role, make_key_with
from tests.services.failures import failure
from tests.services.running import Running, Stubs, Tenant
from tests.waiting import wait_until

Code = grpc.StatusCode
FUNDS = 100_000
LOW, RESTORED = pb.BALANCE_EVENT_LOW_FUNDS, pb.BALANCE_EVENT_FUNDS_RESTORED
SHORT = pb.BALANCE_EVENT_INSUFFICIENT_FUNDS
OPENED = pb.BALANCE_EVENT_TOP_UP_OPENED
SUCCEEDED, FAILED = pb.BALANCE_EVENT_TOP_UP_SUCCEEDED, pb.BALANCE_EVENT_TOP_UP_FAILED


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    return await make_isp(pool, instance_id=instance.instance.id, funds=FUNDS)


async def get(billing: Any) -> pb.GetBalanceResponse:
    answer: pb.GetBalanceResponse = await billing.GetBalance(pb.GetBalanceRequest())
    return answer


async def set_threshold(pool: Pool, isp: Isp, micros: int) -> None:
    await pool.execute(
        "UPDATE balance SET low_funds_threshold_micros = $2 WHERE instance_id = $1",
        isp.instance_id,
        micros,
    )


async def open_top_up(pool: Pool, isp: Isp, amount: int = 50_000) -> Any:
    return await pool.fetchval(
        "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
        "payment_method) VALUES ($1, false, $2, 'USD', '', 'pm_card_visa') RETURNING id",
        isp.instance_id,
        amount,
    )


async def end_top_up(pool: Pool, top_up_id: Any, state: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE top_up SET state = $2, finish_time = now() WHERE id = $1", top_up_id, state
        )
        await connection.execute(
            "INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id) "
            "SELECT instance_id, 1, amount_micros, id FROM top_up WHERE id = $1 AND state = 3",
            top_up_id,
        )


class Watching:
    """An open stream. `heard` are all events since the first answer, in order."""

    def __init__(self, call: Any, first: pb.WatchBalanceResponse) -> None:
        self._call = call
        self.first = first
        self.last = first
        self.answers = 0
        self.heard: list[int] = []

    async def until(self, **balance: Any) -> pb.WatchBalanceResponse:
        """Reads on until the balance is as described."""
        while any(getattr(self.last.balance, name) != value for name, value in balance.items()):
            await self.next()
        return self.last

    async def hear(self, *events: int) -> None:
        """Reads on until as many events have come, which must be these."""
        while len(self.heard) < len(events):
            await self.next()
        assert self.heard == list(events)
        self.heard.clear()

    async def next(self) -> pb.WatchBalanceResponse:
        answer = await self._call.read()
        assert answer is not grpc.aio.EOF
        self.last = answer
        self.answers += 1
        self.heard += self.last.events
        return self.last

    async def is_quiet(self, looks: int = 3) -> bool:
        """Whether nothing comes in the time that some looks take."""
        reading = asyncio.ensure_future(self._call.read())
        done, _ = await asyncio.wait([reading], timeout=looks * balance_watch.INTERVAL)
        return not done


@asynccontextmanager
async def watching(billing: Any) -> AsyncIterator[Watching]:
    async with asyncio.timeout(20):
        call = billing.WatchBalance(pb.WatchBalanceRequest())
        yield Watching(call, await call.read())
        call.cancel()


async def test_a_new_instance_has_nothing_and_needs_nothing(billing: Any) -> None:
    answer = await get(billing)
    assert answer.balance == pb.Balance(currency="USD")
    assert not answer.auto_buy.enabled
    assert not answer.HasField("last_top_up")


async def test_a_balance_shows_what_is_there_held_and_spent_and_what_can_be_requeued(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    await texts.add(ON_ITS_WAY)
    await texts.add(SENT, cost=20_000, segments=2)
    for cost in (PRICE, 2 * PRICE):
        await texts.add_unfunded(cost=cost)
    await texts.add_unfunded(valid_seconds=-1)
    top_up = await open_top_up(pool, isp)
    await set_threshold(pool, isp, FUNDS)
    answer = await get(billing)
    assert answer.balance == pb.Balance(
        available_micros=FUNDS - PRICE - 20_000,
        held_micros=PRICE,
        spent_micros=20_000,
        currency="USD",
        low_funds=True,
        low_funds_threshold_micros=FUNDS,
        low_funds_time=answer.balance.low_funds_time,
        requeueable_messages=2,
        requeueable_cost_micros=3 * PRICE,
    )
    assert (answer.last_top_up.top_up_id, answer.last_top_up.state) == (
        str(top_up),
        pb.TOP_UP_STATE_OPEN,
    )


async def test_a_cancelled_mass_message_leaves_nothing_to_requeue(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    await pool.execute(
        "WITH m AS (INSERT INTO mass_message (instance_id, saved_message, signature_id, "
        "sending_number_id, outage_start_time, audience, valid_until, state) "
        "SELECT $1, 'UNPLANNED_OUTAGE_NO_ETA', $2, $3, now(), '{}', now() + interval '1 hour', 4 "
        "RETURNING id) UPDATE unfunded SET mass_message_id = m.id FROM m WHERE message_id = $4",
        isp.instance_id,
        isp.signature_id,
        isp.sending_number_id,
        await texts.add_unfunded(),
    )
    assert (await get(billing)).balance.requeueable_messages == 0
    async with watching(billing) as watched:
        assert watched.first.balance.requeueable_messages == 0
        assert list(watched.first.events) == []


async def test_another_instance_sees_its_own_balance_and_who_may_not_sees_none(
    stub: Stubs, isp: Isp, other_instance: Tenant
) -> None:
    assert (await get(stub(BillingStub, other_instance.key))).balance.available_micros == 0
    others = stub(BillingStub, other_instance.key)
    async with watching(others) as watched:
        assert watched.first.balance == pb.Balance(currency="USD")
    key = await make_key_with(stub(AccessStub), PERMISSION_READ_SMS_MESSAGE)
    refused = await failure(get(stub(BillingStub, key)))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")


async def test_a_watch_begins_with_what_is_so_now(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    async with watching(billing) as watched:
        assert watched.first.balance.available_micros == FUNDS
        assert list(watched.first.events) == []
    await texts.add_unfunded()
    await set_threshold(pool, isp, FUNDS + 1)
    top_up = await open_top_up(pool, isp)
    async with watching(billing) as watched:
        assert list(watched.first.events) == [LOW, SHORT, OPENED]
        assert watched.first.last_top_up.top_up_id == str(top_up)
        assert watched.first.balance == (await get(billing)).balance


async def test_a_watch_tells_of_each_fall_below_the_threshold_exactly_once(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    await set_threshold(pool, isp, FUNDS)
    async with watching(billing) as watched:
        for _ in range(3):
            await add_funds(pool, isp.instance_id, -10)
            await watched.hear(LOW)
            # Still low: nothing new to hear.
            await add_funds(pool, isp.instance_id, -10)
            await watched.until(available_micros=FUNDS - 20)
            assert watched.heard == []
            await add_funds(pool, isp.instance_id, 20)
            await watched.hear(RESTORED)
        assert await watched.is_quiet()


async def test_funds_that_were_low_between_two_looks_are_told_of(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    await set_threshold(pool, isp, FUNDS)
    async with watching(billing) as watched:
        async with pool.acquire() as connection, connection.transaction():
            await add_funds(connection, isp.instance_id, -10)
            await add_funds(connection, isp.instance_id, 10)
        await watched.hear(LOW, RESTORED)
        assert watched.last.balance.available_micros == FUNDS
        # Low, restored and low again in one look is low.
        await add_funds(pool, isp.instance_id, -10)
        await watched.hear(LOW)
        async with pool.acquire() as connection, connection.transaction():
            await add_funds(connection, isp.instance_id, 10)
            await add_funds(connection, isp.instance_id, -10)
        await watched.hear(LOW)
        assert await watched.is_quiet()


async def test_a_threshold_that_is_raised_over_the_balance_is_a_fall(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    async with watching(billing) as watched:
        await set_threshold(pool, isp, FUNDS + 1)
        await watched.hear(LOW)
        await set_threshold(pool, isp, 0)
        await watched.hear(RESTORED)


async def test_a_watch_tells_of_texts_that_could_not_be_paid(
    billing: Any, isp: Isp, texts: PaidTexts
) -> None:
    first = await texts.add_unfunded()
    async with watching(billing) as watched:
        second = await texts.add_unfunded()
        await watched.hear(SHORT)
        assert watched.last.balance.requeueable_messages == 2
        assert watched.last.balance.requeueable_cost_micros == 2 * PRICE
        for text, left in ((second, 1), (first, 0)):
            await texts.forget_unfunded(text)
            await watched.until(requeueable_messages=left)
        assert watched.heard == []
        await texts.add_unfunded()
        await watched.hear(SHORT)


async def test_one_text_less_and_one_more_between_two_looks_is_told_of(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    first = await texts.add_unfunded()
    async with watching(billing) as watched:
        async with pool.acquire() as connection, connection.transaction():
            again = await paid_texts(connection, isp)
            await again.forget_unfunded(first)
            await again.add_unfunded()
        await watched.hear(SHORT)
        assert watched.last.balance.requeueable_messages == 1


async def test_a_watch_follows_top_ups(billing: Any, pool: Pool, isp: Isp) -> None:
    async with watching(billing) as watched:
        opened = await open_top_up(pool, isp)
        await watched.hear(OPENED)
        await end_top_up(pool, opened, 3)
        await watched.hear(SUCCEEDED)
        assert watched.last.balance.available_micros == FUNDS + 50_000
        assert watched.last.last_top_up.state == pb.TOP_UP_STATE_SUCCEEDED
        async with pool.acquire() as connection, connection.transaction():
            declined = await connection.fetchval(
                "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
                "payment_method, state, finish_time) "
                "VALUES ($1, true, 10000, 'USD', '', 'pm', 4, now()) RETURNING id",
                isp.instance_id,
            )
        await watched.hear(OPENED, FAILED)
        assert watched.last.last_top_up.top_up_id == str(declined)


async def test_a_watch_follows_a_top_up_that_is_not_the_last_any_more(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    first = await open_top_up(pool, isp)
    async with watching(billing) as watched:
        last = await open_top_up(pool, isp, 10_000)
        await watched.hear(OPENED)
        await end_top_up(pool, first, 3)
        await watched.hear(SUCCEEDED)
        assert watched.last.last_top_up.top_up_id == str(last)
        assert watched.last.balance.available_micros == FUNDS + 50_000


async def test_a_watch_answers_four_times_a_second_at_most(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    async with watching(billing) as watched:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(60):
            await add_funds(pool, isp.instance_id, 1)
            await asyncio.sleep(0.01)
        await watched.until(available_micros=FUNDS + 60)
        spent = loop.time() - began
        # One more may have been under way.
        assert watched.answers <= spent / balance_watch.INTERVAL + 2


async def test_many_watchers_of_an_instance_cost_the_database_what_one_does(
    billing: Any,
    server: Running,
    pool: Pool,
    isp: Isp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[list[Any]] = []
    list_balances = balances.list_balances

    async def counted(db: Any, wanted: Any) -> Any:
        looked.append(list(wanted))
        return await list_balances(db, wanted)

    monkeypatch.setattr(balances, "list_balances", counted)
    async with asyncio.timeout(20):
        calls = [billing.WatchBalance(pb.WatchBalanceRequest()) for _ in range(15)]
        for call in calls:
            await call.read()
        before = len(looked)
        await add_funds(pool, isp.instance_id, 1)
        answers = [await call.read() for call in calls]
        assert {answer.balance.available_micros for answer in answers} == {FUNDS + 1}
        assert len(looked) - before <= 4
        assert all(each == [isp.instance_id] for each in looked)
        for call in calls:
            call.cancel()
        await wait_until(lambda: len(server.grpc.streams) == 0)
        ended = len(looked)
        await asyncio.sleep(3 * balance_watch.INTERVAL)
        assert len(looked) <= ended + 1


async def test_a_watch_outlives_a_database_that_is_away(
    billing: Any, pool: Pool, isp: Isp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(billing) as watched:
        failing: list[None] = []

        async def away(*_: Any) -> Any:
            failing.append(None)
            raise ConnectionResetError

        with monkeypatch.context() as patched:
            patched.setattr(balances, "list_balances", away)
            await wait_until(lambda: len(failing) >= 2)
            await add_funds(pool, isp.instance_id, 1)
        await watched.until(available_micros=FUNDS + 1)


async def test_a_watch_ends_when_looking_has_a_defect(
    billing: Any, isp: Isp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise LookupError("a defect")

    async with watching(billing) as watched:
        with monkeypatch.context() as patched:
            patched.setattr(balances, "list_balances", broken)
            told = await failure(watched.next())
        assert told.code is Code.INTERNAL
    async with watching(billing) as watched:
        assert watched.first.balance.available_micros == FUNDS


async def test_watches_end_at_once_when_the_server_stops(
    billing: Any, server: Running, isp: Isp
) -> None:
    async with watching(billing) as watched:
        server.parts.drain.set()
        told = await asyncio.wait_for(failure(watched.next()), 5)
        assert (told.code, told.reason) == (Code.UNAVAILABLE, "DRAINING")


async def test_a_watch_ends_when_its_key_is_revoked(stub: Stubs, isp: Isp) -> None:
    access = stub(AccessStub)
    made = await add_key(access, (await first_role(access)).role_id)
    async with watching(stub(BillingStub, made.secret)) as watched:
        request = access_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)
        await access.RevokeApiKey(request)
        told = await failure(watched.next())
        assert (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
