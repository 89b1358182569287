"""The table of sent messages, a message's history, and the stream, through real stubs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.store.pool import Pool
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from tests.factories import add_contact, add_network_site
from tests.feed.writer import change
from tests.services.failures import failure, failure_of
from tests.services.running import Running, Stubs, Tenant, run_server
from tests.services.sent import Outbox, make_outbox
from tests.waiting import wait_until

Code = grpc.StatusCode


@pytest.fixture
async def outbox(pool: Pool, instance: Tenant) -> Outbox:
    return await make_outbox(pool, instance.instance.id)


@asynccontextmanager
async def stubs_for(running: Running, tenant: Tenant) -> AsyncIterator[Stubs]:
    stubs = Stubs(running.address, tenant.key)
    yield stubs
    await stubs.close()


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


async def list_all(delivery: Any, *, page_size: int = 2, **fields: Any) -> list[pb.Message]:
    found: list[pb.Message] = []
    token = ""
    while True:
        request = pb.ListMessagesRequest(page_size=page_size, page_token=token, **fields)
        page = await delivery.ListMessages(request)
        found += page.messages
        token = page.next_page_token
        if not token:
            return found


async def read_events(
    call: Any, events: int, answers: list[pb.WatchMessagesResponse] | None = None
) -> list[tuple[str, int, int]]:
    """The first so many events of a stream, as message id, version and status."""
    found: list[tuple[str, int, int]] = []
    async with asyncio.timeout(10):
        async for answer in call:
            if answers is not None:
                answers.append(answer)
            found += [(each.message_id, each.version, each.status) for each in answer.events]
            if len(found) >= events:
                return found
    raise AssertionError("the stream ended")


async def first_answer(call: Any) -> pb.WatchMessagesResponse:
    async with asyncio.timeout(10):
        answer: pb.WatchMessagesResponse = await anext(aiter(call))
    return answer


async def test_a_message_is_listed_with_everything_that_the_table_shows(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    mass_message = uuid4()
    sent = await outbox.add(mass_message_id=mass_message)
    await change(pool, [sent], 5)
    await pool.execute("UPDATE message SET reject_reason = 'NUMBER.INVALID'")
    await outbox.add_attempt(sent, 1, 2, reason="NUMBER.INVALID", carrier_code="21211")
    [shown] = await list_all(stub(DeliveryStub))
    assert shown.create_time.seconds > 1_700_000_000
    shown.ClearField("create_time")
    assert shown == pb.Message(
        message_id=str(sent),
        contact_id=str(outbox.contact_id),
        recipient_name="Ada Moreau",
        contact_type="Owner",
        related_entity=pb.RelatedEntity(account_id=str(outbox.account_id), name="Moreau Family"),
        phone_number="+12125550101",
        status=pb.MESSAGE_STATUS_FAILED,
        reject_reason=pb.RejectReason(
            group="NUMBER",
            code="INVALID",
            text=shown.reject_reason.text,
            carrier_code="21211",
        ),
        version=2,
        kind=pb.MESSAGE_KIND_MASS,
        mass_message_id=str(mass_message),
        billable_segments=2,
        carrier_segments=1,
        cost_micros=30_000,
        currency="USD",
        sending_number_id=str(outbox.isp.sending_number_id),
    )
    assert "does not exist" in shown.reject_reason.text


async def test_a_contact_of_a_network_site_without_a_role_is_shown_as_primary(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    site = await add_network_site(pool, outbox.isp, "Tower 7")
    contact = await add_contact(pool, outbox.isp, None, "Sam Roy", network_site_id=site)
    await outbox.add(contact_id=contact)
    [shown] = await list_all(stub(DeliveryStub))
    assert shown.contact_type == "Primary"
    assert shown.related_entity == pb.RelatedEntity(network_site_id=str(site), name="Tower 7")


async def test_the_answer_to_a_keyword_of_somebody_who_is_no_contact_is_shown(
    stub: Stubs, outbox: Outbox
) -> None:
    before = await outbox.add()
    reply = await outbox.add_reply(phone="+12125550199", text="You are opted out.")
    delivery = stub(DeliveryStub)
    shown, older = await list_all(delivery)
    assert older.message_id == str(before)
    shown.ClearField("create_time")
    assert shown == pb.Message(
        message_id=str(reply),
        phone_number="+12125550199",
        status=pb.MESSAGE_STATUS_PENDING,
        version=1,
        kind=pb.MESSAGE_KIND_KEYWORD_REPLY,
        billable_segments=2,
        carrier_segments=1,
        currency="USD",
        sending_number_id=str(outbox.isp.sending_number_id),
    )
    found = await delivery.GetMessage(pb.GetMessageRequest(message_id=str(reply)))
    assert found.body.text == "You are opted out."
    assert not found.message.HasField("related_entity")
    assert [each.version for each in found.history] == [1]


async def test_times_at_the_ends_of_the_calendar_list_everything(
    stub: Stubs, outbox: Outbox
) -> None:
    sent = str(await outbox.add())
    first, last = Timestamp(), Timestamp()
    first.FromJsonString("0001-01-01T00:00:00Z")
    last.FromJsonString("9999-12-31T23:59:59Z")
    shown = await list_all(stub(DeliveryStub), start_time=first, end_time=last)
    assert [each.message_id for each in shown] == [sent]


async def test_pages_go_from_the_newest_to_the_oldest_and_miss_none(
    stub: Stubs, outbox: Outbox
) -> None:
    sent = [str(await outbox.add()) for _ in range(7)]
    for size in (1, 2, 7, 8):
        shown = await list_all(stub(DeliveryStub), page_size=size)
        assert [each.message_id for each in shown] == sent[::-1]


async def test_each_filter_narrows_the_list(stub: Stubs, outbox: Outbox, pool: Pool) -> None:
    mass_message = uuid4()
    contact = await add_contact(pool, outbox.isp, outbox.account_id, "Jo Moreau")
    long_ago = datetime.now(UTC) - timedelta(days=3)
    plain = await outbox.add()
    mass = await outbox.add(mass_message_id=mass_message)
    reply = await outbox.add(kind=3)
    trigger = uuid4()
    triggered = await outbox.add_triggered(triggered_message_id=trigger)
    other_contact = await outbox.add(contact_id=contact)
    other_account = await outbox.add(account_id=uuid4())
    other_phone = await outbox.add(phone="+14165550123")
    failed = await outbox.add()
    await change(pool, [failed], 5)
    await pool.execute("UPDATE message SET reject_reason = 'NUMBER.INVALID' WHERE id = $1", failed)
    everything = {plain, mass, reply, triggered}
    everything |= {other_contact, other_account, other_phone, failed}
    cases: list[tuple[dict[str, Any], set[UUID]]] = [
        ({}, everything),
        ({"statuses": [5]}, {failed}),
        ({"statuses": [1]}, everything - {failed}),
        ({"statuses": [1, 5]}, everything),
        ({"statuses": [0, 5]}, everything),
        ({"statuses": [4]}, set()),
        ({"kind": pb.MESSAGE_KIND_KEYWORD_REPLY}, {reply}),
        ({"mass_message_id": str(mass_message)}, {mass}),
        ({"mass_message_id": str(uuid4())}, set()),
        ({"kind": pb.MESSAGE_KIND_TRIGGERED}, {triggered}),
        ({"triggered_message_id": str(trigger)}, {triggered}),
        ({"triggered_message_id": str(uuid4())}, set()),
        ({"account_id": str(outbox.account_id)}, everything - {other_account}),
        ({"contact_id": str(contact)}, {other_contact}),
        ({"phone_number": "(416) 555-0123"}, {other_phone}),
        ({"reject_reason": "NUMBER.INVALID"}, {failed}),
        ({"start_time": stamp(long_ago)}, everything),
        ({"end_time": stamp(long_ago)}, set()),
        ({"start_time": stamp(long_ago), "end_time": stamp(datetime.now(UTC))}, everything),
        ({"statuses": [1], "phone_number": "+12125550101", "kind": 3}, {reply}),
    ]
    for fields, wanted in cases:
        shown = await list_all(stub(DeliveryStub), **fields)
        assert {UUID(each.message_id) for each in shown} == wanted, fields


async def test_times_bound_the_list_to_the_microsecond(stub: Stubs, outbox: Outbox) -> None:
    sent = await outbox.add()
    [shown] = await list_all(stub(DeliveryStub))
    created = shown.create_time.ToDatetime(UTC)
    moment = timedelta(microseconds=1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"start_time": stamp(created)}, [str(sent)]),
        ({"start_time": stamp(created + moment)}, []),
        ({"end_time": stamp(created)}, []),
        ({"end_time": stamp(created + moment)}, [str(sent)]),
    ]
    for fields, found in cases:
        shown_now = await list_all(stub(DeliveryStub), **fields)
        assert [each.message_id for each in shown_now] == found


async def test_everything_wrong_with_a_list_request_is_said_at_once(stub: Stubs) -> None:
    bad = pb.ListMessagesRequest(
        statuses=[1, 99],  # type: ignore[list-item]
        kind=77,  # type: ignore[arg-type]
        mass_message_id="1",
        triggered_message_id="x" * 36,
        account_id="{}",
        contact_id="' OR 1=1 --",
        phone_number="call me",
        start_time=Timestamp(seconds=2_000),
        end_time=Timestamp(seconds=1_000),
        reject_reason="NOBODY.KNOWS",
    )
    said = await failure(stub(DeliveryStub).ListMessages(bad))
    assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert set(said.violations) == {
        "statuses",
        "kind",
        "mass_message_id",
        "triggered_message_id",
        "account_id",
        "contact_id",
        "phone_number",
        "end_time",
        "reject_reason",
    }


@pytest.mark.parametrize("size", [-1, -(2**31)])
async def test_a_negative_page_size_is_refused(stub: Stubs, size: int) -> None:
    said = await failure(stub(DeliveryStub).ListMessages(pb.ListMessagesRequest(page_size=size)))
    assert said.code is Code.INVALID_ARGUMENT
    assert "page_size" in said.violations


async def test_page_tokens_that_were_tampered_with_or_borrowed_are_refused(
    stub: Stubs, outbox: Outbox, other_instance: Tenant
) -> None:
    for _ in range(3):
        await outbox.add()
    delivery = stub(DeliveryStub)
    page = await delivery.ListMessages(pb.ListMessagesRequest(page_size=1))
    token = page.next_page_token
    hostile = [
        (delivery, pb.ListMessagesRequest(page_token=token[:-2])),
        (delivery, pb.ListMessagesRequest(page_token=token[:9] + "x" + token[10:])),
        (delivery, pb.ListMessagesRequest(page_token=page.cursor)),
        (delivery, pb.ListMessagesRequest(page_token="A" * 100_000)),
        (delivery, pb.ListMessagesRequest(page_token=token, kind=pb.MESSAGE_KIND_MASS)),
        (stub(DeliveryStub, key=other_instance.key), pb.ListMessagesRequest(page_token=token)),
    ]
    for caller, request in hostile:
        said = await failure(caller.ListMessages(request))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_nothing_of_another_instance_is_listed_shown_or_counted(
    stub: Stubs, outbox: Outbox, other_instance: Tenant
) -> None:
    sent = await outbox.add()
    theirs = stub(DeliveryStub, key=other_instance.key)
    assert await list_all(theirs) == []
    assert await list_all(theirs, contact_id=str(outbox.contact_id)) == []
    said = await failure(theirs.GetMessage(pb.GetMessageRequest(message_id=str(sent))))
    assert (said.code, said.reason) == (Code.NOT_FOUND, "MESSAGE_NOT_FOUND")
    assert not (await theirs.GetDeliveryStats(pb.GetDeliveryStatsRequest())).counts


async def test_calls_of_two_tenants_at_once_get_their_own_messages_only(
    stub: Stubs, outbox: Outbox, pool: Pool, other_instance: Tenant
) -> None:
    """Each asks for its own and for the other's, so many at once that reads are shared."""
    theirs = await make_outbox(pool, other_instance.instance.id, "+12125550199")
    for number in range(10):
        await outbox.add(text=f"Ours {number}")
        await theirs.add(text=f"Theirs {number}")

    async def text_of(key: str | None, message: UUID) -> str:
        request = pb.GetMessageRequest(message_id=str(message))
        try:
            answer = await stub(DeliveryStub, key).GetMessage(request)
        except grpc.aio.AioRpcError as error:
            return failure_of(error).reason
        return str(answer.body.text)

    calls = [
        (key, message)
        for message in outbox.sent + theirs.sent
        for key in (None, other_instance.key)
    ]
    for _ in range(3):
        found = await asyncio.gather(*(text_of(key, message) for key, message in calls))
        for (key, message), text in zip(calls, found, strict=True):
            mine, name = (outbox, "Ours") if key is None else (theirs, "Theirs")
            known = message in mine.sent
            wanted = f"{name} {mine.sent.index(message)}" if known else "MESSAGE_NOT_FOUND"
            assert text == wanted


async def test_a_message_is_shown_with_its_body_its_history_and_its_attempts(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    sent = await outbox.add(text="Łódź: outage")
    await change(pool, [sent], 2)
    await change(pool, [sent], 5)
    await pool.execute("UPDATE message SET reject_reason = 'CARRIER.BLOCKED'")
    await outbox.add_attempt(sent, 1, 3, carrier_code="20429")
    await outbox.add_attempt(
        sent, 2, 2, carrier_message_id="SM1", reason="CARRIER.BLOCKED", carrier_code="30004"
    )
    answer = await stub(DeliveryStub).GetMessage(pb.GetMessageRequest(message_id=str(sent)))
    assert answer.message.message_id == str(sent)
    assert answer.message.reject_reason.carrier_code == "30004"
    assert answer.body.text == "Łódź: outage"
    assert [each.character for each in answer.body.offending_characters] == ["Ł", "ó", "ź"]
    assert (answer.body.characters, answer.body.currency) == (12, "USD")
    assert [(each.version, each.status) for each in answer.history] == [(1, 1), (2, 2), (3, 5)]
    assert answer.history[2].reject_reason.code == "INVALID"
    assert answer.history[0].event_time.seconds > 1_700_000_000
    first, second = answer.attempts
    assert (first.number, first.outcome) == (1, pb.ATTEMPT_OUTCOME_THROTTLED)
    assert (second.carrier, second.carrier_message_id) == ("sandbox", "SM1")
    assert second.reason.text
    assert second.submit_time.seconds > 1_700_000_000


async def test_a_message_that_was_just_made_has_a_history_of_one_and_no_attempts(
    stub: Stubs, outbox: Outbox
) -> None:
    sent = await outbox.add()
    answer = await stub(DeliveryStub).GetMessage(pb.GetMessageRequest(message_id=str(sent)))
    assert len(answer.history) == 1
    assert not answer.attempts
    assert not answer.message.HasField("reject_reason")


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "not-an-id", "x" * 10_000),
        pytest.param("{" + str(uuid4()) + "}", id="in braces"),
    ],
)
async def test_a_message_id_that_is_none_is_refused(stub: Stubs, text: str) -> None:
    said = await failure(stub(DeliveryStub).GetMessage(pb.GetMessageRequest(message_id=text)))
    assert said.code is Code.INVALID_ARGUMENT
    assert "message_id" in said.violations


async def test_statistics_count_by_status_and_reason(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    sent = [await outbox.add() for _ in range(5)]
    await change(pool, sent[:2], 4)
    await change(pool, sent[2:3], 5)
    await pool.execute("UPDATE message SET reject_reason = 'NUMBER.INVALID' WHERE status = 5")
    await outbox.add(create_time=datetime.now(UTC) - timedelta(days=2))
    answer = await stub(DeliveryStub).GetDeliveryStats(pb.GetDeliveryStatsRequest())
    counted = [(each.status, each.reject_reason, each.messages) for each in answer.counts]
    assert counted == [(1, "", 2), (4, "", 2), (5, "NUMBER.INVALID", 1)]
    assert (answer.counts[0].billable_segments, answer.counts[0].cost_micros) == (4, 60_000)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (timedelta(days=-1), timedelta(days=-2), "end_time"),
        (timedelta(days=-32), timedelta(0), "start_time"),
        (timedelta(days=1), None, "start_time"),
    ],
)
async def test_spans_that_cannot_be_counted_are_refused(
    stub: Stubs, start: timedelta, end: timedelta | None, field: str
) -> None:
    now = datetime.now(UTC)
    request = pb.GetDeliveryStatsRequest(start_time=stamp(now + start))
    if end is not None:
        request.end_time.CopyFrom(stamp(now + end))
    said = await failure(stub(DeliveryStub).GetDeliveryStats(request))
    assert field in said.violations


async def test_watching_from_a_lists_cursor_misses_nothing(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    """Changes while the pages are read come on the stream, whichever page had the message."""
    sent = [await outbox.add(mass_message_id=uuid4()) for _ in range(4)]
    fed = "SELECT count(*) = $1 FROM feed, unnest(seqs)"
    await wait_until(lambda: pool.fetchval(fed, 4))
    delivery = stub(DeliveryStub)
    first = await delivery.ListMessages(pb.ListMessagesRequest(page_size=2))
    await change(pool, sent, 2)
    await wait_until(lambda: pool.fetchval(fed, 8))
    second = await delivery.ListMessages(
        pb.ListMessagesRequest(page_size=2, page_token=first.next_page_token)
    )
    assert second.cursor == first.cursor
    call = delivery.WatchMessages(pb.WatchMessagesRequest(cursor=second.cursor))
    assert set(await read_events(call, 4)) == {(str(each), 2, 2) for each in sent}
    call.cancel()


async def test_a_watch_tells_every_change_and_resumes_from_its_cursor(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    delivery = stub(DeliveryStub)
    call = delivery.WatchMessages(pb.WatchMessagesRequest())
    assert not (await first_answer(call)).events
    sent = await outbox.add(mass_message_id=uuid4())
    await change(pool, [sent], 5)
    answers: list[pb.WatchMessagesResponse] = []
    assert await read_events(call, 2, answers) == [(str(sent), 1, 1), (str(sent), 2, 5)]
    last = answers[-1].events[-1]
    assert last.reject_reason == "NUMBER.INVALID"
    assert last.mass_message_id
    assert abs(last.event_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    call.cancel()
    await change(pool, [sent], 2)
    resumed = delivery.WatchMessages(pb.WatchMessagesRequest(cursor=answers[-1].cursor))
    assert await read_events(resumed, 1) == [(str(sent), 3, 2)]
    resumed.cancel()


async def test_two_watchers_get_the_same_answers(stub: Stubs, outbox: Outbox) -> None:
    delivery = stub(DeliveryStub)
    calls = [delivery.WatchMessages(pb.WatchMessagesRequest()) for _ in range(2)]
    for call in calls:
        await first_answer(call)
    sent = await outbox.add()
    for call in calls:
        assert await read_events(call, 1) == [(str(sent), 1, 1)]
        call.cancel()


async def test_a_watch_with_a_filter_tells_only_of_its_mass_message(
    stub: Stubs, outbox: Outbox
) -> None:
    mass_message = uuid4()
    request = pb.WatchMessagesRequest(mass_message_id=str(mass_message))
    call = stub(DeliveryStub).WatchMessages(request)
    bookmark = await first_answer(call)
    await outbox.add(mass_message_id=uuid4())
    sent = await outbox.add(mass_message_id=mass_message)
    assert await read_events(call, 1) == [(str(sent), 1, 1)]
    call.cancel()
    unfiltered = stub(DeliveryStub).WatchMessages(pb.WatchMessagesRequest(cursor=bookmark.cursor))
    said = await failure(unfiltered.read())
    assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "CURSOR_INVALID")


async def test_bookmarks_come_as_often_as_asked_for(stub: Stubs, outbox: Outbox) -> None:
    request = pb.WatchMessagesRequest(bookmark_interval=Duration(seconds=1))
    call = stub(DeliveryStub).WatchMessages(request)
    bookmarks = [await first_answer(call) for _ in range(2)]
    assert not any(each.events for each in bookmarks)
    assert all(each.cursor for each in bookmarks)
    call.cancel()


@pytest.mark.parametrize(
    "interval",
    [Duration(), Duration(nanos=999_999_999), Duration(seconds=61), Duration(seconds=-5)],
)
async def test_a_bookmark_interval_out_of_range_is_refused(stub: Stubs, interval: Duration) -> None:
    request = pb.WatchMessagesRequest(bookmark_interval=interval, start=9)  # type: ignore[arg-type]
    said = await failure(stub(DeliveryStub).WatchMessages(request).read())
    assert set(said.violations) == {"bookmark_interval", "start"}


async def test_hostile_cursors_are_refused(
    stub: Stubs, outbox: Outbox, other_instance: Tenant
) -> None:
    delivery = stub(DeliveryStub)
    await outbox.add()
    cursor = (await delivery.ListMessages(pb.ListMessagesRequest())).cursor
    theirs = stub(DeliveryStub, key=other_instance.key)
    hostile = [
        (delivery, cursor[:-1]),
        (delivery, cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]),
        (delivery, "A" * 1_000_000),
        (delivery, "%s%n\x00"),
        (theirs, cursor),
    ]
    for caller, text in hostile:
        said = await failure(caller.WatchMessages(pb.WatchMessagesRequest(cursor=text)).read())
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "CURSOR_INVALID")
        assert "cursor" in said.violations


async def test_a_watch_goes_on_over_a_restart_of_the_server(
    pool: Pool, instance: Tenant, outbox: Outbox
) -> None:
    answers: list[pb.WatchMessagesResponse] = []
    async with run_server(pool) as first, stubs_for(first, instance) as stubs:
        call = stubs(DeliveryStub).WatchMessages(pb.WatchMessagesRequest())
        answers.append(await first_answer(call))
        sent = await outbox.add()
        await read_events(call, 1, answers)
        call.cancel()
    await change(pool, [sent], 2)
    async with run_server(pool) as second, stubs_for(second, instance) as stubs:
        resumed = stubs(DeliveryStub).WatchMessages(
            pb.WatchMessagesRequest(cursor=answers[-1].cursor)
        )
        assert await read_events(resumed, 1) == [(str(sent), 2, 2)]
        resumed.cancel()


async def test_a_server_that_stops_ends_streams_at_once_with_a_last_bookmark(
    pool: Pool, instance: Tenant
) -> None:
    answers: list[pb.WatchMessagesResponse] = []
    async with run_server(pool) as running, stubs_for(running, instance) as stubs:
        call = stubs(DeliveryStub).WatchMessages(pb.WatchMessagesRequest())
        answers.append(await first_answer(call))
        async with asyncio.timeout(1.0):
            running.parts.drain.set()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                async for answer in call:
                    answers.append(answer)
    said = failure_of(ended.value)
    assert (said.code, said.reason) == (Code.UNAVAILABLE, "DRAINING")
    assert len(answers) == 2
    assert not answers[-1].events
