"""Messages that were not sent for lack of funds, requeued through real stubs."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import grpc
import pytest

from outbound_sms.dispatch.mass_control import control_once
from outbound_sms.services import delivery_requeue
from outbound_sms.store import unfunded
from outbound_sms.store.pool import Pool
from outbound_sms.store.tenant import set_tenant
from outbound_sms.store.unfunded import UnfundedFilter
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1 import mass_messages_pb2
from tests.dispatch.checks import check_history
from tests.dispatch.claims import claim
from tests.dispatch.money import balance, entries, intend, settle
from tests.dispatch.queue_factory import PRICE, add_triggered
from tests.dispatch.running import dispatching
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.factories import add_funds
from tests.services.failures import failure
from tests.services.quiet import set_quiet
from tests.services.requeue_calls import Broke, fed, make_broke
from tests.services.running import Running, Stubs, Tenant, server_pools
from tests.ticks import tick
from tests.waiting import wait_until

Code = grpc.StatusCode
SENT, UNPAID = 3, 6


async def state_of(broke: Broke) -> mass_messages_pb2.MassMessage:
    """The mass message, after a tick."""
    await tick(broke.pool)
    request = mass_messages_pb2.GetMassMessageRequest(
        mass_message_id=str(broke.queued.mass_message_id)
    )
    found: mass_messages_pb2.MassMessage = (await broke.mass.GetMassMessage(request)).mass_message
    return found


async def set_mass(broke: Broke, **columns: Any) -> None:
    for column, value in columns.items():
        await broke.pool.execute(
            f"UPDATE mass_message SET {column} = $2 WHERE id = $1",
            broke.queued.mass_message_id,
            value,
        )


async def test_what_could_not_be_paid_is_sent_once_there_is_money(
    pool: Pool, stub: Stubs, server: Running
) -> None:
    broke = await make_broke(pool, stub, 5, funds=2 * PRICE)
    carrier = ScriptedCarrier()
    async with dispatching(pool, carrier):
        await wait_until(lambda: _all_are(broke, [SENT] * 2 + [UNPAID] * 3))
        woken = len(server.woken)
        still_poor = await broke.requeue()
        assert len(server.woken) > woken
        assert still_poor == pb.RequeueMessagesResponse(
            requeued=3, cost_micros=3 * PRICE, available_micros=0, currency="USD"
        )
        await wait_until(lambda: _versions_are(broke, 4))
        assert await broke.statuses() == [SENT] * 2 + [UNPAID] * 3
        await add_funds(pool, broke.queued.instance_id, 4 * PRICE)
        paid = await broke.requeue()
        assert (paid.requeued, paid.available_micros) == (3, 4 * PRICE)
        await wait_until(lambda: _all_are(broke, [SENT] * 5))
    assert set(carrier.asked.values()) == {1}
    assert await balance(pool, broke.queued.instance_id) == (PRICE, 0, 5 * PRICE)
    for message_id in broke.queued.message_ids:
        assert await entries(pool, message_id) == ["hold", "capture"]
    await check_history(pool)
    assert await broke.requeue() == pb.RequeueMessagesResponse(
        available_micros=PRICE, currency="USD"
    )


async def _all_are(broke: Broke, wanted: list[int]) -> bool:
    return await broke.statuses() == wanted


async def _versions_are(broke: Broke, version: int) -> bool:
    """Whether the unpaid ones have come back, and so often."""
    found: int = await broke.pool.fetchval(
        "SELECT count(*) FROM message JOIN unfunded ON message_id = id WHERE version = $1", version
    )
    return found == 3


async def test_many_calls_at_once_requeue_each_message_once(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 120)
    await add_triggered(pool, broke.queued, 80)
    await broke.run_dry()
    assert await broke.statuses() == [UNPAID] * 200
    answers = await asyncio.gather(*(broke.requeue() for _ in range(50)))
    # One that came second may have been told that there is more while the first had it.
    assert sum(answer.requeued for answer in answers) == 200
    assert sum(answer.cost_micros for answer in answers) == 200 * PRICE
    assert len(await broke.queue()) == len(set(await broke.queue())) == 200
    assert set(await broke.statuses()) == {pb.MESSAGE_STATUS_PENDING}
    assert await pool.fetchval("SELECT count(*) FROM status_event WHERE version = 3") == 200
    await check_history(pool)


async def test_claims_and_requeues_do_not_get_in_each_others_way(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 100)
    await add_triggered(pool, broke.queued, 50)
    answers: list[pb.RequeueMessagesResponse] = []

    async def keep_requeueing() -> None:
        for _ in range(15):
            answers.append(await broke.requeue())
            await add_funds(pool, broke.queued.instance_id, PRICE)

    carrier = ScriptedCarrier()
    async with dispatching(pool, carrier):
        await asyncio.gather(*(keep_requeueing() for _ in range(4)))
        await add_funds(pool, broke.queued.instance_id, 150 * PRICE)

        async def all_sent() -> bool:
            await broke.requeue()
            return set(await broke.statuses()) == {SENT}

        await wait_until(all_sent, 20)
    assert len(answers) == 60
    assert set(carrier.asked.values()) == {1}
    assert await balance(pool, broke.queued.instance_id) == (60 * PRICE, 0, 150 * PRICE)
    await check_history(pool)


async def test_the_oldest_go_first_and_the_answer_says_whether_there_are_more(
    pool: Pool, stub: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    broke = await make_broke(pool, stub, 5)
    await broke.run_dry()
    monkeypatch.setattr(delivery_requeue, "MOST_A_CALL", 2)
    for taken, more in ((2, True), (4, True), (5, False)):
        answer = await broke.requeue()
        assert answer.more is more
        assert await broke.queue() == broke.queued.message_ids[:taken]


async def test_only_what_matches_every_filter_is_requeued(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 3)
    triggered = await add_triggered(pool, broke.queued, 2)
    await broke.run_dry()
    mass = broke.queued.message_ids
    ids = [str(mass[1]), str(mass[1]), str(triggered[0])]
    answer = await broke.requeue(message_ids=ids, kind=pb.MESSAGE_KIND_MASS)
    assert (answer.requeued, answer.more) == (1, False)
    assert await broke.queue() == [mass[1]]
    answer = await broke.requeue(
        mass_message_id=str(broke.queued.mass_message_id), kind=pb.MESSAGE_KIND_TRIGGERED
    )
    assert answer.requeued == 0
    answer = await broke.requeue(kind=pb.MESSAGE_KIND_TRIGGERED)
    assert answer.requeued == 2
    assert await broke.unfunded() == [mass[0], mass[2]]
    answer = await broke.requeue(mass_message_id=str(broke.queued.mass_message_id))
    assert (answer.requeued, await broke.unfunded()) == (2, [])


async def test_what_is_not_valid_any_more_stays_unpaid(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 3)
    await broke.run_dry()
    old = broke.queued.message_ids[0]
    await pool.execute("UPDATE unfunded SET valid_until = now() WHERE message_id = $1", old)
    answer = await broke.requeue()
    assert (answer.requeued, answer.left, answer.cost_micros) == (2, 1, 2 * PRICE)
    assert await broke.statuses() == [UNPAID, 1, 1]
    assert await broke.unfunded() == []
    assert await fed(pool, [old]) == {old: [(1, 1), (2, UNPAID)]}


async def test_what_was_cancelled_stays_unpaid(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 2)
    triggered = await add_triggered(pool, broke.queued, 1)
    await broke.run_dry()
    await broke.mass.CancelMassMessage(
        mass_messages_pb2.CancelMassMessageRequest(
            mass_message_id=str(broke.queued.mass_message_id)
        )
    )
    answer = await broke.requeue()
    assert (answer.requeued, answer.left, answer.more) == (1, 2, False)
    assert await broke.queue() == triggered
    assert await broke.statuses() == [UNPAID, UNPAID, 1]
    assert (await state_of(broke)).state == mass_messages_pb2.MASS_MESSAGE_STATE_CANCELLED


async def test_what_is_paused_stays_paused_until_it_is_resumed(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 3)
    await broke.run_dry()
    of_this = {"mass_message_id": str(broke.queued.mass_message_id)}
    await broke.mass.PauseMassMessage(mass_messages_pb2.PauseMassMessageRequest(**of_this))
    await control_once(pool)
    await add_funds(pool, broke.queued.instance_id, 3 * PRICE)
    assert (await broke.requeue()).requeued == 3
    # As pausing leaves them, so that claims need not walk over them.
    assert await pool.fetchval("SELECT bool_and(due_time = 'infinity') FROM dispatch")
    assert (await state_of(broke)).state == mass_messages_pb2.MASS_MESSAGE_STATE_PAUSED
    await control_once(pool)
    assert await claim(pool, broke.queued.sending_number_id) == []
    await broke.mass.ResumeMassMessage(mass_messages_pb2.ResumeMassMessageRequest(**of_this))
    await control_once(pool)
    claimed = await claim(pool, broke.queued.sending_number_id)
    assert [each.message_id for each in claimed] == broke.queued.message_ids


async def test_a_finished_mass_message_opens_and_finishes_again_with_the_right_counts(
    pool: Pool, stub: Stubs
) -> None:
    broke = await make_broke(pool, stub, 4)
    await broke.run_dry()
    await control_once(pool)
    finished = await state_of(broke)
    assert finished.state == mass_messages_pb2.MASS_MESSAGE_STATE_FINISHED
    assert finished.progress.insufficient_funds == 4
    await add_funds(pool, broke.queued.instance_id, 4 * PRICE)
    await broke.requeue()
    opened = await state_of(broke)
    assert opened.state == mass_messages_pb2.MASS_MESSAGE_STATE_SENDING
    assert not opened.HasField("finish_time")
    assert (opened.progress.pending, opened.progress.insufficient_funds) == (4, 0)
    watch = broke.mass.WatchMassMessage(
        mass_messages_pb2.WatchMassMessageRequest(mass_message_id=str(broke.queued.mass_message_id))
    )
    async with asyncio.timeout(20), dispatching(pool, ScriptedCarrier()):
        await wait_until(lambda: _all_are(broke, [SENT] * 4))
        await control_once(pool)
        shown = [answer.mass_message async for answer in watch]
    assert shown[-1].state == mass_messages_pb2.MASS_MESSAGE_STATE_FINISHED
    assert (shown[-1].progress.sent, shown[-1].progress.insufficient_funds) == (4, 0)
    await check_history(pool)


async def test_a_requeued_mass_message_expires_as_others_do(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 2)
    await broke.run_dry()
    await control_once(pool)
    await broke.requeue()
    await set_mass(broke, valid_until=await pool.fetchval("SELECT now()"))
    await control_once(pool)
    ended = await state_of(broke)
    assert (ended.state, ended.progress.failed) == (
        mass_messages_pb2.MASS_MESSAGE_STATE_FINISHED,
        2,
    )


async def test_a_triggered_text_goes_back_as_it_was_with_its_zones(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 0)
    [message_id] = await add_triggered(pool, broke.queued, 1, zones="America/Chicago")
    columns = (
        "instance_id, sending_number_id, mass_message_id, priority, zones, segments, cost_micros, "
        "valid_until, attempts, failures, held, owner, in_doubt_since"
    )
    before = await pool.fetch(f"SELECT {columns} FROM dispatch")
    await broke.run_dry()
    assert await broke.unfunded() == [message_id]
    await add_funds(pool, broke.queued.instance_id, PRICE)
    await broke.requeue()
    assert await pool.fetch(f"SELECT {columns} FROM dispatch") == before
    ends = await set_quiet(pool, broke.queued.instance_id)
    assert await claim(pool, broke.queued.sending_number_id) == []
    shown = await broke.delivery.GetMessage(pb.GetMessageRequest(message_id=str(message_id)))
    assert shown.message.hold.reason == pb.HOLD_REASON_QUIET_HOURS
    assert shown.message.hold.release_time.seconds == int(ends.timestamp())


async def test_the_feed_has_every_change_in_order(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 3)
    for _ in range(2):
        await broke.run_dry()
        await broke.requeue()
    await add_funds(pool, broke.queued.instance_id, 3 * PRICE)
    claimed = await claim(pool, broke.queued.sending_number_id)
    assert len(claimed) == 3
    changes = [(1, 1), (2, UNPAID), (3, 1), (4, UNPAID), (5, 1)]
    ids = broke.queued.message_ids
    assert await fed(pool, ids) == dict.fromkeys(ids, changes)


async def test_a_repeated_call_does_nothing_and_answers_the_same(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 3)
    await broke.run_dry()
    request_id = str(uuid4())
    first = await broke.requeue(request_id=request_id)
    assert first.requeued == 3
    await broke.run_dry()
    assert await broke.requeue(request_id=request_id) == first
    assert await broke.statuses() == [UNPAID] * 3
    told = await failure(broke.requeue(request_id=request_id, kind=pb.MESSAGE_KIND_MASS))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")
    assert (await broke.requeue(request_id=str(uuid4()))).requeued == 3


async def test_calls_with_one_request_id_at_once_are_one(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 20)
    await broke.run_dry()
    request_id = str(uuid4())
    answers = await asyncio.gather(*(broke.requeue(request_id=request_id) for _ in range(10)))
    assert Counter(answer.requeued for answer in answers) == {20: 10}


async def test_another_instances_messages_stay_where_they_are(
    pool: Pool, stub: Stubs, instance: Tenant
) -> None:
    ours = await make_broke(pool, stub, 2)
    theirs = await make_broke(pool, stub, 2, sender="+12025550198")
    await ours.run_dry()
    await theirs.run_dry()
    for filters, reason in (
        ({"message_ids": [str(theirs.queued.message_ids[0])]}, "MESSAGE_NOT_FOUND"),
        ({"mass_message_id": str(theirs.queued.mass_message_id)}, "MASS_MESSAGE_NOT_FOUND"),
        ({"message_ids": [str(uuid4())]}, "MESSAGE_NOT_FOUND"),
    ):
        told = await failure(ours.requeue(**filters))
        assert (told.code, told.reason) == (Code.NOT_FOUND, reason)
    assert (await ours.requeue()).requeued == 2
    assert await theirs.statuses() == [UNPAID] * 2


async def test_the_database_itself_keeps_another_instances_messages_apart(
    pool: Pool, stub: Stubs, instance: Tenant
) -> None:
    """The second wall: as if the statements named the wrong instance."""
    theirs = await make_broke(pool, stub, 2)
    await theirs.run_dry()
    async with server_pools(pool) as (api, _):
        set_tenant(instance.instance.id)
        async with api.acquire() as connection, connection.transaction():
            done = await unfunded.requeue(
                connection, theirs.queued.instance_id, UnfundedFilter(), 10
            )
    assert (done.requeued, done.left, done.more) == (0, 0, False)
    assert await theirs.statuses() == [UNPAID] * 2


async def test_the_statements_name_the_instance_themselves(pool: Pool, stub: Stubs) -> None:
    """The first wall, where nothing is behind it: as a role that sees all."""
    ours = await make_broke(pool, stub, 2)
    theirs = await make_broke(pool, stub, 2, sender="+12025550198")
    await add_triggered(pool, theirs.queued, 1)
    await ours.run_dry()
    await theirs.run_dry()
    await pool.execute(
        "UPDATE unfunded SET valid_until = now() WHERE instance_id = $1", theirs.queued.instance_id
    )
    async with pool.acquire() as connection, connection.transaction():
        done = await unfunded.requeue(connection, ours.queued.instance_id, UnfundedFilter(), 10)
    assert (done.requeued, done.left, done.more) == (2, 0, False)
    assert await theirs.statuses() == [UNPAID] * 3
    assert len(await theirs.unfunded()) == 3


async def test_nothing_is_requeued_while_sending_is_switched_off(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 1)
    await broke.run_dry()
    await pool.execute(
        "UPDATE instance SET sms_enabled = false WHERE id = $1", broke.queued.instance_id
    )
    told = await failure(broke.requeue())
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "SMS_DISABLED")
    assert await broke.statuses() == [UNPAID]


async def test_everything_wrong_with_a_request_is_told_at_once(pool: Pool, stub: Stubs) -> None:
    broke = await make_broke(pool, stub, 1)
    told = await failure(
        broke.requeue(
            message_ids=[str(broke.queued.message_ids[0]), "x", ""],
            mass_message_id="y",
            kind=9,
            request_id="z",
        )
    )
    assert told.code == Code.INVALID_ARGUMENT
    assert set(told.violations) == {
        "message_ids[1]",
        "message_ids[2]",
        "mass_message_id",
        "kind",
        "request_id",
    }
    told = await failure(broke.requeue(message_ids=[str(uuid4())] * 1_001))
    assert set(told.violations) == {"message_ids"}


async def test_what_was_paid_is_not_taken_back_by_a_requeue(pool: Pool, stub: Stubs) -> None:
    """Ids of messages with another status are fine, and nothing happens to them."""
    broke = await make_broke(pool, stub, 2, funds=PRICE)
    claimed = await claim(pool, broke.queued.sending_number_id)
    await intend(pool, claimed)
    await settle(pool, claimed)
    answer = await broke.requeue(message_ids=[str(each) for each in broke.queued.message_ids])
    assert (answer.requeued, answer.left) == (1, 0)
    assert await broke.statuses() == [SENT, 1]
