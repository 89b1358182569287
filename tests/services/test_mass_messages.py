"""Mass messages from acceptance to the end, through real stubs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.dispatch.mass_control import control_once
from outbound_sms.services.mass_message_watch import RateMeter
from outbound_sms.store.pool import Pool
from outboundsms.v1 import language_pb2
from outboundsms.v1 import mass_messages_pb2 as pb
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.factories import Isp, add_account, add_subscribers, make_isp
from tests.services.failures import failure, failure_of
from tests.services.mass_message_requests import create, get, preview, spec
from tests.services.running import Running, Stubs, Tenant
from tests.ticks import tick
from tests.waiting import wait_until

Code = grpc.StatusCode


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    """An ISP with ten subscribers who can be texted."""
    made = await make_isp(pool, instance_id=instance.instance.id)
    await add_subscribers(pool, made, 10)
    return made


@pytest.fixture
def mass(stub: Stubs) -> Any:
    return stub(MassMessagesStub)


async def move(pool: Pool, count: int, before: int, after: int) -> None:
    """Gives messages of one status another, as the dispatcher does but for their money, and ticks.

    Those that were sent count as accepted before there was a ledger, which is free.
    """
    await pool.execute(
        "WITH u AS (UPDATE message SET status = $3::smallint, version = version + 1, "
        "price_list_version = CASE WHEN $3::smallint <= 2 THEN price_list_version END WHERE id IN "
        "(SELECT id FROM message WHERE status = $2 ORDER BY id LIMIT $1) RETURNING *), "
        "d AS (DELETE FROM dispatch USING u WHERE message_id = u.id AND $3::smallint > 2) "
        "INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, "
        "previous_status) SELECT instance_id, id, mass_message_id, version, status, $2 FROM u",
        count,
        before,
        after,
    )
    await tick(pool)


async def expand(pool: Pool) -> None:
    while await expand_once(pool):
        pass
    await tick(pool)


async def change(mass: Any, verb: str, mass_message_id: str) -> pb.MassMessage:
    request = getattr(pb, f"{verb}MassMessageRequest")(mass_message_id=mass_message_id)
    changed: pb.MassMessage = (await getattr(mass, f"{verb}MassMessage")(request)).mass_message
    return changed


async def test_the_three_saved_messages_are_listed_in_both_languages(mass: Any) -> None:
    answer = await mass.ListSavedMessages(pb.ListSavedMessagesRequest())
    assert [(s.key, s.name, s.needs_outage_end) for s in answer.saved_messages] == [
        ("PLANNED_OUTAGE", "Planned Outage", True),
        ("UNPLANNED_OUTAGE", "Unplanned Outage", True),
        ("UNPLANNED_OUTAGE_NO_ETA", "Unplanned Outage (no restoration ETA)", False),
    ]
    for saved in answer.saved_messages:
        assert saved.needs_outage_start
        assert {text.language for text in saved.texts} == {
            language_pb2.LANGUAGE_EN,
            language_pb2.LANGUAGE_FR,
        }
        assert all("|COMPANY_NAME|" in text.text for text in saved.texts)


async def test_an_accepted_mass_message_says_what_was_accepted_with_the_defaults_filled_in(
    mass: Any, isp: Isp, server: Running
) -> None:
    given = spec(audience=pb.Audience(account_statuses=["Active", "Active"], delinquent=False))
    made = await create(mass, given)
    assert made.state == pb.MASS_MESSAGE_STATE_EXPANDING
    assert made.spec.signature_id == str(isp.signature_id)
    assert made.spec.sending_number_id == str(isp.sending_number_id)
    assert made.spec.valid_for.seconds == 4 * 3600
    assert made.spec.audience == pb.Audience(account_statuses=["Active"], delinquent=False)
    assert made.spec.saved_message == given.saved_message
    assert made.spec.outage_start_time == given.outage_start_time
    assert not made.HasField("finish_time") and not made.spec.HasField("outage_end_time")
    assert await get(mass, made.mass_message_id) == made
    assert server.woken


async def test_a_repeat_sends_nothing_twice_and_answers_the_same_also_after_the_outage(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    request_id = str(uuid4())
    given = spec(
        saved_message="UNPLANNED_OUTAGE", outage_end_time=datetime.now(UTC) + timedelta(seconds=0.6)
    )
    made = await create(mass, given, request_id)
    await expand(pool)

    async def refused_when_new() -> bool:
        try:
            await preview(mass, given)
        except grpc.aio.AioRpcError:
            return True
        return False

    await wait_until(refused_when_new, describe="the end of the outage")
    assert await create(mass, given, request_id) == made
    assert await pool.fetchval("SELECT count(*) FROM mass_message") == 1
    told = await failure(create(mass, spec(), request_id))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")


async def test_the_same_request_many_times_at_once_is_one_mass_message(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    request_id, given = str(uuid4()), spec()
    made = await asyncio.gather(*(create(mass, given, request_id) for _ in range(8)))
    assert len({each.mass_message_id for each in made}) == 1
    assert await pool.fetchval("SELECT count(*) FROM mass_message") == 1


async def test_everything_wrong_with_a_mass_message_is_told_at_once(mass: Any, isp: Isp) -> None:
    now = datetime.now(UTC)
    bad = spec(
        saved_message="PLANNED_OUTAGE",
        signature_id="default",
        sending_number_id="1",
        outage_start_time=now,
        outage_end_time=now - timedelta(hours=1),
        audience=pb.Audience(
            network_site_ids=["x"],
            services=["a\0b"],
            languages=[0, 9],  # type: ignore[list-item]
        ),
        valid_for=timedelta(seconds=59),
    )
    expected = {
        "spec.signature_id",
        "spec.sending_number_id",
        "spec.outage_end_time",
        "spec.audience.network_site_ids[0]",
        "spec.audience.services[0]",
        "spec.audience.languages[0]",
        "spec.audience.languages[1]",
        "spec.valid_for",
    }
    told = await failure(preview(mass, bad))
    assert told.code == Code.INVALID_ARGUMENT and set(told.violations) == expected
    told = await failure(create(mass, bad, ""))
    assert told.code == Code.INVALID_ARGUMENT
    assert set(told.violations) == expected | {"request_id"}


@pytest.mark.parametrize(
    ("fields", "violations"),
    [
        ({"saved_message": ""}, {"spec.saved_message"}),
        ({"saved_message": "mass_planned_outage"}, {"spec.saved_message"}),
        ({"audience": None}, {"spec.audience"}),
        ({"outage_start_time": None}, {"spec.outage_start_time"}),
        ({"outage_end_time": datetime(2030, 1, 1, tzinfo=UTC)}, {"spec.outage_end_time"}),
        ({"saved_message": "PLANNED_OUTAGE"}, {"spec.outage_end_time"}),
        ({"valid_for": timedelta(hours=25)}, {"spec.valid_for"}),
        ({"valid_for": timedelta(hours=-1)}, {"spec.valid_for"}),
    ],
)
async def test_a_field_that_cannot_be_meant_is_refused_and_nothing_is_stored(
    mass: Any, pool: Pool, isp: Isp, fields: dict[str, Any], violations: set[str]
) -> None:
    given = spec(**fields)
    for call in (preview(mass, given), create(mass, given)):
        told = await failure(call)
        assert told.code == Code.INVALID_ARGUMENT
        assert violations <= set(told.violations) <= violations | {"spec.outage_end_time"}
    assert await pool.fetchval("SELECT count(*) FROM mass_message") == 0
    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 0


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE instance SET sms_enabled = false", "SMS_DISABLED"),
        ("UPDATE signature SET mass_default = false", "NO_SIGNATURE"),
        ("UPDATE signature SET delete_time = now()", "NO_SIGNATURE"),
        ("UPDATE sending_number SET is_default = false", "NO_SENDING_NUMBER"),
        ("UPDATE sending_number SET enabled = false", "NO_SENDING_NUMBER"),
    ],
)
async def test_what_is_missing_for_sending_is_told(
    mass: Any, pool: Pool, isp: Isp, damage: str, reason: str
) -> None:
    await pool.execute(damage)
    for call in (preview(mass, spec()), create(mass, spec())):
        told = await failure(call)
        assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, reason)


async def test_a_named_number_that_is_disabled_is_refused(mass: Any, pool: Pool, isp: Isp) -> None:
    await pool.execute("UPDATE sending_number SET enabled = false")
    told = await failure(create(mass, spec(sending_number_id=str(isp.sending_number_id))))
    assert told.reason == "NO_SENDING_NUMBER"


async def test_no_recipients_is_an_error_that_says_how_many_accounts_matched(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await pool.execute("UPDATE phone_number SET sms_opt_in = false")
    told = await failure(create(mass, spec()))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "NO_RECIPIENTS")
    assert told.metadata == {"accounts": "10"}
    assert await pool.fetchval("SELECT count(*) FROM body") == 0


async def test_a_text_too_long_is_refused_only_where_somebody_would_get_it(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await pool.execute(
        "UPDATE company SET name = repeat('é界', 900) WHERE id = $1", isp.french_company_id
    )
    await create(mass, spec())
    await add_account(pool, isp, "Q", company_id=isp.french_company_id)
    await create(mass, spec())
    await pool.execute("UPDATE account SET company_id = $1", isp.french_company_id)
    for call in (preview(mass, spec()), create(mass, spec())):
        told = await failure(call)
        assert told.code == Code.INVALID_ARGUMENT
        assert set(told.violations) == {"spec.saved_message"}


async def test_progress_counts_texts_by_status_and_agrees_with_the_feed(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    made = await create(mass, spec())
    assert made.progress == pb.MassMessageProgress()
    await expand(pool)
    now = await get(mass, made.mass_message_id)
    segments = await pool.fetchval("SELECT carrier_segments FROM message LIMIT 1")
    assert now.state == pb.MASS_MESSAGE_STATE_SENDING
    assert (now.progress.recipients, now.progress.pending) == (10, 10)
    assert now.progress.time_left.seconds == segments
    assert now.progress.segments_per_second == 0
    await move(pool, 6, 1, 2)
    await move(pool, 5, 2, 3)
    await move(pool, 2, 3, 4)
    await move(pool, 1, 3, 5)
    await move(pool, 1, 1, 6)
    progress = (await get(mass, made.mass_message_id)).progress
    assert (progress.pending, progress.in_progress, progress.sent) == (3, 1, 2)
    assert (progress.delivered, progress.failed, progress.insufficient_funds) == (2, 1, 1)
    assert progress.segments_per_second == pytest.approx(5 * segments / 5)


async def test_the_newest_mass_message_is_listed_first_and_pages_hold_each_once(
    mass: Any, isp: Isp
) -> None:
    made = [(await create(mass, spec())).mass_message_id for _ in range(5)]
    found, token = [], ""
    while True:
        answer = await mass.ListMassMessages(
            pb.ListMassMessagesRequest(page_size=2, page_token=token)
        )
        found += [each.mass_message_id for each in answer.mass_messages]
        token = answer.next_page_token
        if not token:
            break
    assert found == made[::-1]


async def test_pause_resume_and_cancel_go_where_the_contract_says(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    made = (await create(mass, spec())).mass_message_id
    for verb, state in (
        ("Resume", pb.MASS_MESSAGE_STATE_EXPANDING),
        ("Pause", pb.MASS_MESSAGE_STATE_PAUSED),
        ("Pause", pb.MASS_MESSAGE_STATE_PAUSED),
        ("Resume", pb.MASS_MESSAGE_STATE_EXPANDING),
    ):
        assert (await change(mass, verb, made)).state == state
    await expand(pool)
    for verb, state in (
        ("Resume", pb.MASS_MESSAGE_STATE_SENDING),
        ("Pause", pb.MASS_MESSAGE_STATE_PAUSED),
        ("Resume", pb.MASS_MESSAGE_STATE_SENDING),
        ("Cancel", pb.MASS_MESSAGE_STATE_CANCELLED),
        ("Cancel", pb.MASS_MESSAGE_STATE_CANCELLED),
    ):
        assert (await change(mass, verb, made)).state == state
    for verb in ("Pause", "Resume"):
        told = await failure(change(mass, verb, made))
        assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "MASS_MESSAGE_STATE")
        assert told.metadata["state"] == "CANCELLED"
    await control_once(pool)
    await tick(pool)
    ended = await get(mass, made)
    assert ended.progress.failed == 10 and ended.HasField("finish_time")


async def test_a_paused_mass_message_has_no_time_left(mass: Any, pool: Pool, isp: Isp) -> None:
    made = (await create(mass, spec())).mass_message_id
    await expand(pool)
    assert not (await change(mass, "Pause", made)).progress.HasField("time_left")
    assert (await change(mass, "Resume", made)).progress.HasField("time_left")


async def test_another_instance_cannot_see_or_stop_it(
    stub: Stubs, mass: Any, isp: Isp, other_instance: Tenant
) -> None:
    made = (await create(mass, spec())).mass_message_id
    others = stub(MassMessagesStub, key=other_instance.key)
    assert not (await others.ListMassMessages(pb.ListMassMessagesRequest())).mass_messages
    calls = [get(others, made), *(change(others, v, made) for v in ("Pause", "Resume", "Cancel"))]
    for call in calls:
        told = await failure(call)
        assert (told.code, told.reason) == (Code.NOT_FOUND, "MASS_MESSAGE_NOT_FOUND")
    stream = others.WatchMassMessage(pb.WatchMassMessageRequest(mass_message_id=made))
    assert (await failure(anext(aiter(stream)))).reason == "MASS_MESSAGE_NOT_FOUND"
    assert (await get(mass, made)).state == pb.MASS_MESSAGE_STATE_EXPANDING


async def test_a_watch_shows_each_change_and_ends_when_every_text_is_sent_or_final(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    made = (await create(mass, spec())).mass_message_id
    stream = aiter(mass.WatchMassMessage(pb.WatchMassMessageRequest(mass_message_id=made)))
    first = (await anext(stream)).mass_message
    assert first.state == pb.MASS_MESSAGE_STATE_EXPANDING

    async def next_with(**wanted: int) -> pb.MassMessage:
        async for answer in stream:
            shown: pb.MassMessage = answer.mass_message
            if all(getattr(shown.progress, field) == value for field, value in wanted.items()):
                return shown
        raise AssertionError("the stream ended")

    async with asyncio.timeout(20):
        await expand(pool)
        await next_with(recipients=10, pending=10)
        await move(pool, 10, 1, 2)
        await move(pool, 9, 2, 3)
        sending = await next_with(in_progress=1, sent=9)
        assert sending.progress.segments_per_second > 0
        await move(pool, 1, 2, 5)
        await control_once(pool)
        answers = [answer.mass_message async for answer in stream]
    assert answers[-1].state == pb.MASS_MESSAGE_STATE_FINISHED
    assert (answers[-1].progress.sent, answers[-1].progress.failed) == (9, 1)


async def test_a_watch_of_a_cancelled_mass_message_waits_for_the_texts_on_their_way(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    made = (await create(mass, spec())).mass_message_id
    await expand(pool)
    await move(pool, 2, 1, 2)
    await pool.execute(
        "UPDATE dispatch SET owner = new_id() WHERE message_id IN "
        "(SELECT id FROM message WHERE status = 2)"
    )
    await change(mass, "Cancel", made)
    await control_once(pool)
    await tick(pool)
    stream = aiter(mass.WatchMassMessage(pb.WatchMassMessageRequest(mass_message_id=made)))
    async with asyncio.timeout(20):
        first = (await anext(stream)).mass_message
        assert (first.progress.failed, first.progress.in_progress) == (8, 2)
        await move(pool, 2, 2, 3)
        answers = [answer.mass_message async for answer in stream]
    assert (answers[-1].progress.sent, answers[-1].progress.failed) == (2, 8)


async def test_a_watch_ends_at_once_when_the_server_stops(
    mass: Any, server: Running, isp: Isp
) -> None:
    made = (await create(mass, spec())).mass_message_id
    stream = aiter(mass.WatchMassMessage(pb.WatchMassMessageRequest(mass_message_id=made)))
    await anext(stream)
    server.parts.drain.set()
    async with asyncio.timeout(5):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(stream)
    told = failure_of(caught.value)
    assert (told.code, told.reason) == (Code.UNAVAILABLE, "DRAINING")


async def test_texts_are_stored_for_every_company_that_may_be_meant_in_each_language(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    made = UUID((await create(mass, spec())).mass_message_id)
    rows = await pool.fetch(
        "SELECT company_id, language FROM body WHERE mass_message_id = $1", made
    )
    assert {(row["company_id"], row["language"]) for row in rows} == {
        (company, language)
        for company in (isp.company_id, isp.french_company_id)
        for language in ("en", "fr")
    }


def test_the_rate_is_that_of_the_last_five_seconds() -> None:
    seconds = iter(range(18))
    meter = RateMeter(lambda: next(seconds))
    assert meter.see(0, 2.0) == 0.0
    rates = [meter.see(10 * second, 2.0) for second in range(1, 11)]
    assert rates == [20.0] * 10
    rates = [meter.see(100, 2.0) for _ in range(11, 17)]
    assert rates == [16.0, 12.0, 8.0, 4.0, 0.0, 0.0]
    assert meter.see(99, 2.0) == 0.0
