"""Streams of events: in order, one answer for each, held back when they flood, drained in peace."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from outbound_sms.services.fire_plan import make_fire
from outbound_sms.services.trigger_fire import MOST_REQUESTS_AT_ONCE
from outbound_sms.store.pool import Pool
from outboundsms.v1 import error_reason_pb2
from outboundsms.v1 import triggers_pb2 as pb
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.services.failures import failure
from tests.services.fire_calls import (
    VARIABLES,
    Subscribers,
    event,
    fire,
    fire_stream,
    make_subscribers,
    message_ids,
)
from tests.services.running import Running, Stubs, Tenant
from tests.waiting import wait_until

Code = grpc.StatusCode
FIRED = pb.FIRE_OUTCOME_FIRED
ALREADY_FIRED = pb.FIRE_OUTCOME_ALREADY_FIRED
LARGE = 200_000


@pytest.fixture
async def subscribers(pool: Pool, instance: Tenant) -> Subscribers:
    return await make_subscribers(pool, instance.instance.id)


def keys(answers: Sequence[pb.FireAnswer]) -> list[str]:
    """The texts of some answers, one each."""
    return [message_ids(answer.result)[0] for answer in answers]


async def test_each_event_is_answered_in_the_order_of_the_request(
    stub: Stubs, subscribers: Subscribers
) -> None:
    requests = [[event(f"{number} {place}") for place in range(7)] for number in range(20)]
    answers = await fire_stream(stub, *requests)
    assert [len(each) for each in answers] == [7] * 20
    rows = await subscribers.pool.fetch("SELECT event_key, message_ids FROM trigger_fire")
    made = {row["event_key"]: str(row["message_ids"][0]) for row in rows}
    for request, answered in zip(requests, answers, strict=True):
        assert keys(answered) == [made[each.event_key] for each in request]
        assert all(answer.result.outcome == FIRED for answer in answered)


async def test_an_event_that_is_wrong_does_not_keep_the_others_from_being_fired(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_account("1002", "+12125550111")
    [answers, [last]] = await fire_stream(
        stub,
        [
            event("1"),
            event("2", count=0, variables={**VARIABLES, "COLOUR": "red"}),
            event("3", account_number="nobody's"),
            event("4", account_number="10\x0002"),
            event("5", account_number="1002"),
        ],
        [event("6")],
    )
    assert [answer.WhichOneof("answer") for answer in answers] == [
        "result",
        "error",
        "error",
        "error",
        "result",
    ]
    wrong, unknown = answers[1].error, answers[2].error
    assert (wrong.code, wrong.reason) == (3, error_reason_pb2.ERROR_REASON_INVALID_REQUEST)
    assert [each.field for each in wrong.violations] == ["count", "variables.COLOUR"]
    assert all(each.description for each in wrong.violations)
    assert (unknown.code, unknown.reason) == (5, error_reason_pb2.ERROR_REASON_ACCOUNT_NOT_FOUND)
    assert unknown.text.startswith("There is no such account")
    assert last.result.outcome == FIRED
    assert await subscribers.count() == 3


async def test_an_event_whose_text_cannot_be_made_leaves_its_key_to_the_next(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.pool.execute(
        "INSERT INTO company (instance_id, name, country) SELECT $1, repeat('長', 800), 'CA'",
        subscribers.isp.instance_id,
    )
    long = await subscribers.pool.fetchval("SELECT id FROM company WHERE length(name) = 800")
    await subscribers.add_account("1002", "+15145550111", company_id=long)
    [[refused, fired, repeated]] = await fire_stream(
        stub, [event("same", account_number="1002"), event("same"), event("same")]
    )
    assert [each.field for each in refused.error.violations] == [
        "variables.AMOUNT_DUE",
        "variables.DUE_DATE",
    ]
    assert (fired.result.outcome, repeated.result.outcome) == (FIRED, ALREADY_FIRED)
    assert keys([fired]) == keys([repeated])


async def test_equal_events_of_one_request_make_one_text(
    stub: Stubs, subscribers: Subscribers
) -> None:
    [answers, more] = await fire_stream(stub, [event()] * 100, [event()] * 100)
    outcomes = [answer.result.outcome for answer in (*answers, *more)]
    assert outcomes == [FIRED] + [ALREADY_FIRED] * 199
    assert len(set(keys([*answers, *more]))) == 1
    assert await subscribers.count() == 1


async def test_of_two_accounts_with_one_key_the_first_is_texted(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_account("1002", "+12125550111")
    [answers] = await fire_stream(stub, [event(), event(account_number="1002")])
    assert [answer.result.outcome for answer in answers] == [FIRED, ALREADY_FIRED]
    [text] = await subscribers.texts()
    assert (text["account_id"], text["phone"]) == (subscribers.account_id, "+12125550101")


async def test_requests_line_up_in_the_order_in_which_they_came(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_account("1002", "+12125550111")
    wrong = event("2", count=0, expire_time=datetime.now(UTC))
    [[refused, first], [second]] = await fire_stream(
        stub, [wrong, event()], [event(account_number="1002")]
    )
    assert [each.field for each in refused.error.violations] == ["count", "expire_time"]
    assert (first.result.outcome, second.result.outcome) == (FIRED, ALREADY_FIRED)


async def test_of_events_with_one_key_those_behind_the_one_that_fired_are_repeats(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_triggered_message(count=10)
    [answers] = await fire_stream(
        stub, [event(count=10), event(count=5), event(count=10), event(count=3)]
    )
    found = [[each.outcome for each in a.result.triggered_messages] for a in answers]
    differs = pb.FIRE_OUTCOME_COUNT_DIFFERS
    assert found == [
        [differs, FIRED],
        [FIRED, ALREADY_FIRED],
        [ALREADY_FIRED, ALREADY_FIRED],
        [ALREADY_FIRED, ALREADY_FIRED],
    ]
    assert await subscribers.count() == 2


@pytest.mark.parametrize("size", [0, 101])
async def test_a_request_of_a_wrong_size_ends_the_stream_after_the_answers_before(
    stub: Stubs, subscribers: Subscribers, size: int
) -> None:
    call = stub(TriggersStub).FireTriggers(
        iter([pb.FireTriggersRequest(events=[event(str(n)) for n in range(k)]) for k in (2, size)])
    )
    assert len((await call.read()).answers) == 2
    told = await failure(call.read())
    assert (told.code, list(told.violations)) == (Code.INVALID_ARGUMENT, ["events"])
    assert await subscribers.count() == 2


async def test_an_empty_stream_ends_in_peace(stub: Stubs, subscribers: Subscribers) -> None:
    assert await fire_stream(stub) == []


async def test_a_drain_ends_the_stream_after_the_answers_to_what_was_accepted(
    stub: Stubs, subscribers: Subscribers, server: Running
) -> None:
    call = stub(TriggersStub).FireTriggers()
    answered: list[str] = []
    async with subscribers.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE trigger_fire IN SHARE MODE")
        await call.write(pb.FireTriggersRequest(events=[event("1"), event("2")]))
        await _until_it_waits(subscribers)
        server.parts.drain.set()
        # May still be read, or not; only then it is fired.
        await call.write(pb.FireTriggersRequest(events=[event("3")]))

    async def read_all() -> None:
        while True:
            answered.extend(keys((await call.read()).answers))

    told = await asyncio.wait_for(failure(read_all()), 5)
    assert (told.code, told.reason) == (Code.UNAVAILABLE, "DRAINING")
    assert len(answered) >= 2
    assert sorted(answered) == [str(text["id"]) for text in await subscribers.texts()]


async def test_several_requests_are_worked_on_together(
    stub: Stubs, subscribers: Subscribers
) -> None:
    call = stub(TriggersStub).FireTriggers()
    async with subscribers.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE trigger_fire IN SHARE MODE")
        for number in range(3):
            await call.write(pb.FireTriggersRequest(events=[event(str(number))]))
        await _until_it_waits(subscribers)
    await call.done_writing()
    answers = [response.answers async for response in call]
    assert len(answers) == 3
    # The first went alone; those that came while it waited share a transaction.
    transactions = await subscribers.pool.fetch("SELECT xmin::text FROM trigger_fire")
    assert len({row["xmin"] for row in transactions}) == 2


async def test_a_caller_that_floods_the_stream_is_held_back(
    stub: Stubs, subscribers: Subscribers, server: Running
) -> None:
    filler = {**VARIABLES, "INVOICE_NUMBER": "7" + " " * LARGE + "7"}
    call = stub(TriggersStub).FireTriggers()
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await call.write(pb.FireTriggersRequest(events=[event(str(sent), variables=filler)]))
            sent += 1

    async with _nothing_can_be_written(server):
        flooding = asyncio.create_task(flood())
        await wait_until(lambda: sent >= MOST_REQUESTS_AT_ONCE)
        held = await _until_it_stands(lambda: sent)
    # Flow control lets a few megabytes into the buffers of the connection, beside what was read.
    assert (held - MOST_REQUESTS_AT_ONCE) * LARGE < 20_000_000, held
    answers = 0
    while answers < 3 * held:
        answers += len((await call.read()).answers)
    flooding.cancel()
    call.cancel()


async def test_a_caller_that_leaves_takes_no_other_along(
    stub: Stubs, subscribers: Subscribers, instance: Tenant, server: Running
) -> None:
    others = Stubs(server.address, instance.key)
    async with subscribers.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE trigger_fire IN SHARE MODE")
        first = asyncio.create_task(fire(stub, "1"))
        await _until_it_waits(subscribers)
        stream = others(TriggersStub).FireTriggers()
        await stream.write(pb.FireTriggersRequest(events=[event("2")]))
        leaving = asyncio.create_task(fire(others, "3"))
        staying = asyncio.create_task(fire(stub, "4"))
        await wait_until(lambda: server.grpc.gate.unary.in_progress == 3)
        first.cancel()
        leaving.cancel()
        stream.cancel()
        await wait_until(lambda: server.grpc.gate.unary.in_progress == 1)
    assert (await staying).outcome == FIRED
    # Nobody waited for the answers of 2 and 3 when their batch began; that of 1 was under way.
    made = await subscribers.pool.fetch("SELECT event_key FROM trigger_fire ORDER BY event_key")
    assert [row["event_key"] for row in made] == ["1", "4"]
    assert (await fire(stub, "3")).outcome == FIRED
    await others.close()


async def test_a_database_that_fails_is_an_error_of_each_event_and_the_stream_goes_on(
    stub: Stubs, subscribers: Subscribers
) -> None:
    call = stub(TriggersStub).FireTriggers()
    async with subscribers.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE trigger_fire IN SHARE MODE")
        await call.write(pb.FireTriggersRequest(events=[event("1"), event("2", count=0)]))
        waiting = await _until_it_waits(subscribers)
        await other.execute("SELECT pg_terminate_backend($1)", waiting)
    failed, wrong = (await call.read()).answers
    assert (failed.error.code, wrong.error.code) == (14, 3)
    assert failed.error.reason == error_reason_pb2.ERROR_REASON_DATABASE_UNAVAILABLE
    await call.write(pb.FireTriggersRequest(events=[event("1")]))
    assert (await call.read()).answers[0].result.outcome == FIRED
    call.cancel()


async def test_a_defect_in_one_event_is_told_as_such_and_harms_no_other(
    stub: Stubs, subscribers: Subscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(settings: Any, sender: Any, found: Any, match: Any) -> Any:
        if found.event.event_key == "2":
            raise ZeroDivisionError
        return make_fire(settings, sender, found, match)

    monkeypatch.setattr("outbound_sms.services.fire_batch.make_fire", broken)
    [answers] = await fire_stream(stub, [event("1"), event("2"), event("3")])
    assert [answer.WhichOneof("answer") for answer in answers] == ["result", "error", "result"]
    assert (answers[1].error.code, answers[1].error.reason) == (
        13,
        error_reason_pb2.ERROR_REASON_INTERNAL,
    )
    told = await failure(fire(stub, "2"))
    assert (told.code, told.reason) == (Code.INTERNAL, "INTERNAL")
    assert await subscribers.count() == 2


async def _until_it_waits(subscribers: Subscribers) -> int:
    """The process number of a session that waits for a lock."""

    async def waiting() -> Any:
        return await subscribers.pool.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        )

    return int(await wait_until(waiting))


@asynccontextmanager
async def _nothing_can_be_written(server: Running) -> AsyncIterator[None]:
    """While the block runs, events wait for a connection, which they do for 5 seconds."""
    async with AsyncExitStack() as held:
        for _ in range(server.parts.firing.get_max_size()):
            await held.enter_async_context(server.parts.firing.acquire())
        yield


async def _until_it_stands(count: Any) -> int:
    """A count that has not grown for half a second."""
    before, quiet = count(), 0
    while quiet < 5:
        await asyncio.sleep(0.1)
        now = count()
        quiet, before = (quiet + 1, now) if now == before else (0, now)
    return int(before)
