"""The export of the consent record, through real stubs."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import grpc

from outbound_sms.rpc.limits import Limits
from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode
SECONDS = 20.0
# Three of the numbers have events in turn.
NUMBERS = 3
MANY = 5_000
WORDS = "x" * 2_000


def phone(n: int) -> str:
    """A number of the range for fiction."""
    return f"+1303555010{n}"


async def record(pool: Pool, instance_id: UUID, count: int) -> list[tuple[str, datetime]]:
    """Ids and times of so many events, one statement for each so that their times differ."""
    async with pool.acquire() as connection:
        made = [
            await connection.fetchrow(
                "INSERT INTO consent_event (instance_id, e164, kind, source, actor, evidence, "
                "occur_time) VALUES ($1, $2, 2, 6, 'recipient', 'Stop ' || $3::int, now()) "
                "RETURNING id, create_time",
                instance_id,
                phone(n % NUMBERS),
                n,
            )
            for n in range(count)
        ]
    return [(str(row["id"]), row["create_time"]) for row in made if row is not None]


async def export(
    stub: Stubs, request: pb.ExportConsentEventsRequest | None = None
) -> list[list[pb.ConsentEvent]]:
    """The events of each answer."""
    call = stub(ContactsStub).ExportConsentEvents(request or pb.ExportConsentEventsRequest())
    async with asyncio.timeout(SECONDS):
        return [list(answer.consent_events) async for answer in call]


def ids(answers: list[list[pb.ConsentEvent]]) -> list[str]:
    return [event.consent_event_id for answer in answers for event in answer]


async def test_an_export_has_every_event_once_oldest_first_100_an_answer(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    assert await export(stub) == []
    made = await record(pool, instance.instance.id, 250)
    answers = await export(stub)
    assert [len(each) for each in answers] == [100, 100, 50]
    assert ids(answers) == [id_ for id_, _ in made]
    first = answers[0][0]
    assert (first.number, first.kind) == (phone(0), pb.CONSENT_EVENT_KIND_OPT_OUT)
    assert (first.source, first.actor) == (pb.CONSENT_SOURCE_SMS, "recipient")
    assert (first.evidence, first.contact_id) == ("Stop 0", "")
    assert first.create_time.ToMicroseconds() > 0


async def test_an_export_of_whole_answers_has_no_empty_one_at_its_end(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    await record(pool, instance.instance.id, 100)
    assert [len(each) for each in await export(stub)] == [100]


async def test_an_export_knows_only_its_own_instance(
    stub: Stubs, pool: Pool, instance: Tenant, other_instance: Tenant
) -> None:
    theirs = await record(pool, other_instance.instance.id, 3)
    own = await record(pool, instance.instance.id, 2)
    await record(pool, other_instance.instance.id, 1)
    assert ids(await export(stub)) == [id_ for id_, _ in own]
    mine = await export(stub, pb.ExportConsentEventsRequest(number=phone(0)))
    assert set(ids(mine)).isdisjoint(id_ for id_, _ in theirs)
    assert len(ids(mine)) == 1


async def test_the_filters_of_an_export_must_all_match(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    made = await record(pool, instance.instance.id, 240)
    start, end = made[3][1], made[237][1]
    request = pb.ExportConsentEventsRequest()
    request.start_time.FromDatetime(start)
    request.end_time.FromDatetime(end)
    assert ids(await export(stub, request)) == [id_ for id_, _ in made[3:237]]
    # As people write it.
    request.number = f"({phone(1)[2:5]}) {phone(1)[5:8]}-{phone(1)[8:]}"
    of_number = [id_ for n, (id_, _) in enumerate(made) if n % NUMBERS == 1 and 3 <= n < 237]
    assert ids(await export(stub, request)) == of_number
    request.start_time.FromDatetime(made[-1][1] + timedelta(hours=1))
    request.ClearField("end_time")
    assert await export(stub, request) == []


async def test_the_ends_of_the_calendar_are_times_like_others(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    made = await record(pool, instance.instance.id, 2)
    request = pb.ExportConsentEventsRequest()
    request.start_time.FromJsonString("0001-01-01T00:00:00Z")
    request.end_time.FromJsonString("9999-12-31T23:59:59Z")
    assert ids(await export(stub, request)) == [id_ for id_, _ in made]


async def test_everything_wrong_with_the_filters_is_said_at_once(stub: Stubs) -> None:
    request = pb.ExportConsentEventsRequest(number="12")
    request.start_time.FromJsonString("2026-01-02T00:00:00Z")
    request.end_time.FromJsonString("2026-01-02T00:00:00Z")
    told = await failure(stub(ContactsStub).ExportConsentEvents(request).read())
    assert told.code is Code.INVALID_ARGUMENT
    assert set(told.violations) == {"number", "end_time"}
    assert phone(0) not in told.message


async def test_what_is_recorded_after_an_export_began_does_not_keep_it_going(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    await fill(pool, instance.instance.id)
    call = stub(ContactsStub).ExportConsentEvents(pb.ExportConsentEventsRequest())
    async with asyncio.timeout(SECONDS):
        first = await call.read()
        await record(pool, instance.instance.id, 150)
        rest = await read_to_end(call)
    assert len(first.consent_events) + len(rest) == MANY
    assert rest[-1].evidence == WORDS


async def test_a_drain_ends_an_export_that_is_not_read(pool: Pool, instance: Tenant) -> None:
    await fill(pool, instance.instance.id)
    async with run_server(pool, limits=Limits(stream_drain=0.1)) as running:
        stub = Stubs(running.address, instance.key)
        call = stub(ContactsStub).ExportConsentEvents(pb.ExportConsentEventsRequest())
        async with asyncio.timeout(SECONDS):
            await call.read()
            running.parts.drain.set()
            await wait_until(lambda: len(running.grpc.streams) == 0)
            told = await failure(read_to_end(call))
        assert (told.code, told.reason) == (Code.UNAVAILABLE, "DRAINING")
        await stub.close()


async def fill(pool: Pool, instance_id: UUID) -> None:
    """More events than a connection takes ahead of a client that does not read."""
    await pool.execute(
        "INSERT INTO consent_event (instance_id, e164, kind, source, actor, evidence, occur_time) "
        "SELECT $1, $2, 1, 1, 'key', $3, now() FROM generate_series(1, $4)",
        instance_id,
        phone(0),
        WORDS,
        MANY,
    )


async def read_to_end(call: Any) -> list[pb.ConsentEvent]:
    found: list[pb.ConsentEvent] = []
    while (answer := await call.read()) is not grpc.aio.EOF:
        found.extend(answer.consent_events)
    return found
