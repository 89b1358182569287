"""Toll fraud: a stolen key spends no more than the limits, and texts no number that pays."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.store.dispatch import ready_groups
from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2, delivery_pb2, instances_pb2, settings_pb2
from outboundsms.v1 import sending_limits_pb2 as pb
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.instances_pb2_grpc import InstancesStub
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from outboundsms.v1.triggers_pb2 import FIRE_OUTCOME_NOBODY_OPTED_IN
from tests.dispatch.queue_factory import PRICE
from tests.dispatch.running import dispatching
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.factories import add_contact, add_number, add_subscribers
from tests.services.directory_calls import import_rows, row
from tests.services.failures import failure
from tests.services.fire_calls import (
    Subscribers,
    event,
    fire,
    fire_stream,
    make_subscribers,
    outcomes,
)
from tests.services.mass_message_requests import create, preview, spec
from tests.services.running import Stubs, Tenant
from tests.waiting import wait_until

EVENTS = 10_000
ACCOUNTS = 400
ELSEWHERE = {
    "+18765550123": "JM",
    "+18095550123": "DO",
    "+12425550123": "BS",
    "+14415550123": "BM",
    "+442079460123": "GB",
}
PREMIUM = ("+19005550123", "+19765550123")


@pytest.fixture
async def subscribers(pool: Pool, instance: Tenant) -> Subscribers:
    """An ISP whose number sends as fast as it can."""
    made = await make_subscribers(pool, instance.instance.id)
    await pool.execute("UPDATE sending_number SET segments_per_second = 1e5, carrier = 'null'")
    await pool.execute("UPDATE sending_rate SET tokens = 1e5")
    return made


@pytest.fixture
def limit(
    stub: Stubs, operator_key: str, instance: Tenant
) -> Callable[..., Awaitable[pb.SendingLimits]]:
    """Sets limits of the instance, as the platform operator."""

    async def set_them(**limits: int) -> pb.SendingLimits:
        request = instances_pb2.UpdateSendingLimitsRequest(instance_id=str(instance.instance.id))
        for name, value in limits.items():
            setattr(request.limits, name, value)
        request.update_mask.paths.extend(limits)
        answer = await stub(InstancesStub, operator_key).UpdateSendingLimits(request)
        updated: pb.SendingLimits = answer.limits
        return updated

    return set_them


async def fire_at_all(pool: Pool, stub: Stubs, subscribers: Subscribers, events: int) -> None:
    """Events for all accounts in turn, each with a key of its own."""
    await add_subscribers(pool, subscribers.isp, ACCOUNTS)
    await pool.execute(
        "UPDATE contact SET message_category_ids = ARRAY[$1::uuid]", subscribers.category_id
    )
    sent = [event(str(n), account_number=f"S{n % ACCOUNTS:05}") for n in range(events)]
    answers = await fire_stream(stub, *(sent[n : n + 100] for n in range(0, events, 100)))
    assert sum(answer.WhichOneof("answer") == "result" for part in answers for answer in part) == (
        events
    )


async def usage_of(stub: Stubs) -> pb.SendingUsage:
    answer = await stub(SettingsStub).GetSendingLimits(settings_pb2.GetSendingLimitsRequest())
    usage: pb.SendingUsage = answer.usage
    return usage


async def send_all(pool: Pool) -> ScriptedCarrier:
    """What a new dispatcher hands over until there is nothing that it may."""
    carrier = ScriptedCarrier()

    async def nothing_left() -> bool:
        if await ready_groups(pool):
            return False
        # What is claimed after this look was not ready.
        return not await pool.fetchval(
            "SELECT EXISTS (SELECT FROM dispatch WHERE owner IS NOT NULL)"
        )

    async with dispatching(pool, carrier):
        await wait_until(nothing_left, 30, "the dispatcher has done what it may")
    return carrier


async def test_a_stolen_key_that_fires_ten_thousand_events_spends_the_cap_of_the_day(
    pool: Pool, stub: Stubs, subscribers: Subscribers, limit: Any
) -> None:
    await limit(spend_per_day_micros=150 * PRICE + PRICE - 1, surge_multiple=0)
    await fire_at_all(pool, stub, subscribers, EVENTS)
    assert await subscribers.count("dispatch") == EVENTS
    # So that no midnight comes in between.
    await pool.execute("UPDATE sending_limit SET day_end = now() + interval '40 hours'")
    assert len((await send_all(pool)).submissions) == 150
    again = await send_all(pool)
    assert again.submissions == [], "another process finds the same counts"
    usage = await usage_of(stub)
    assert (usage.messages_today, usage.spent_today_micros) == (150, 150 * PRICE)
    assert list(usage.reached) == [pb.SENDING_LIMIT_SPEND_PER_DAY]
    spent = await pool.fetchval(
        "SELECT held_micros + spent_micros FROM balance WHERE instance_id = $1",
        subscribers.isp.instance_id,
    )
    assert spent == 150 * PRICE
    listed = await stub(DeliveryStub).ListMessages(
        delivery_pb2.ListMessagesRequest(
            page_size=1, statuses=[delivery_pb2.MESSAGE_STATUS_PENDING]
        )
    )
    assert listed.messages[0].hold.reason == delivery_pb2.HOLD_REASON_SENDING_LIMIT
    assert listed.messages[0].hold.HasField("release_time")


async def test_without_any_limit_set_a_surge_stops_it_until_somebody_resumes_it(
    pool: Pool, stub: Stubs, subscribers: Subscribers
) -> None:
    await fire_at_all(pool, stub, subscribers, 300)
    # So that no hour ends in between.
    await pool.execute("UPDATE sending_limit SET hour_end = now() + interval '90 minutes'")
    assert len((await send_all(pool)).submissions) == 100
    assert (await send_all(pool)).submissions == []
    usage = await usage_of(stub)
    assert list(usage.reached) == [pb.SENDING_LIMIT_SURGE]
    assert usage.HasField("surge_pause_time")
    listed = await stub(DeliveryStub).ListMessages(
        delivery_pb2.ListMessagesRequest(
            page_size=1, statuses=[delivery_pb2.MESSAGE_STATUS_PENDING]
        )
    )
    assert listed.messages[0].hold.reason == delivery_pb2.HOLD_REASON_SURGE
    request = settings_pb2.ResumeTriggeredMessagesRequest()
    resumed = (await stub(SettingsStub).ResumeTriggeredMessages(request)).usage
    assert not resumed.HasField("surge_pause_time") and list(resumed.reached) == []
    await pool.execute("UPDATE sending_limit SET surge_allowed_until = hour_end")
    assert len((await send_all(pool)).submissions) == 200


async def test_one_number_gets_ten_texts_whatever_is_fired(
    pool: Pool, stub: Stubs, subscribers: Subscribers
) -> None:
    await fire_stream(stub, [event(str(n)) for n in range(30)])
    assert len((await send_all(pool)).submissions) == 10
    failed = await pool.fetch("SELECT reject_reason FROM message WHERE status = 5")
    assert [row["reject_reason"] for row in failed] == ["POLICY.FREQUENCY_CAP"] * 20


async def test_usage_is_that_of_now(
    pool: Pool, stub: Stubs, subscribers: Subscribers, limit: Any
) -> None:
    """A minute, hour and day that are over show nothing any more."""
    await limit(messages_per_minute=1)
    await fire_stream(stub, [event(str(n)) for n in range(3)])
    await pool.execute("UPDATE sending_limit SET minute_end = now() + interval '90 seconds'")
    await send_all(pool)
    usage = await usage_of(stub)
    assert (usage.messages_this_minute, usage.messages_today, usage.triggered_this_hour) == (1,) * 3
    assert list(usage.reached) == [pb.SENDING_LIMIT_MESSAGES_PER_MINUTE]
    await pool.execute(
        "UPDATE sending_limit SET minute_end = now(), day_end = now(), hour_end = "
        "date_trunc('hour', now())"
    )
    usage = await usage_of(stub)
    assert (usage.messages_this_minute, usage.messages_today, usage.spent_today_micros) == (0,) * 3
    assert (usage.triggered_this_hour, usage.usual_triggered_per_hour) == (0, 1)
    assert list(usage.reached) == []


async def add_by_contacts(stub: Stubs, subscribers: Subscribers, e164: str) -> None:
    number = contacts_pb2.PhoneNumber(
        number=e164, phone_number_type_id=str(subscribers.isp.mobile_id), sms_opt_in=True
    )
    request = contacts_pb2.AddPhoneNumberRequest(
        contact_id=str(subscribers.contact_id), phone_number=number
    )
    await stub(ContactsStub).AddPhoneNumber(request)


async def add_by_import(stub: Stubs, subscribers: Subscribers, e164: str) -> None:
    await import_rows(
        stub,
        [
            row(
                account_number="1001",
                account_name="Moreau Family",
                contact_name="Another",
                phone_number=e164,
                phone_type="Mobile",
                sms_opt_in="yes",
            )
        ],
    )


async def add_by_hand(stub: Stubs, subscribers: Subscribers, e164: str) -> None:
    """As if it had been stored before there were these rules."""
    await add_number(
        subscribers.pool,
        subscribers.isp,
        subscribers.contact_id,
        e164,
        country=ELSEWHERE.get(e164, "US"),
    )


@pytest.mark.parametrize("add", [add_by_contacts, add_by_import, add_by_hand])
async def test_no_way_leads_to_a_number_that_pays_whoever_it_belongs_to(
    pool: Pool, stub: Stubs, subscribers: Subscribers, add: Any
) -> None:
    await pool.execute("DELETE FROM phone_number")
    for e164 in (*ELSEWHERE, *PREMIUM):
        try:
            await add(stub, subscribers, e164)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    await pool.execute(
        "UPDATE contact SET message_category_ids = ARRAY[$1::uuid]", subscribers.category_id
    )
    stored = await subscribers.count("phone_number")
    assert add is not add_by_hand or stored == len(ELSEWHERE) + len(PREMIUM)
    assert outcomes(await fire(stub)) == [FIRE_OUTCOME_NOBODY_OPTED_IN]
    mass = stub(MassMessagesStub)
    assert (await preview(mass, spec())).recipients == 0
    told = await failure(create(mass, spec()))
    assert told.reason == "NO_RECIPIENTS"
    while await expand_once(pool, 100):
        pass
    assert await subscribers.count() == 0


async def test_texts_to_such_numbers_that_wait_already_are_not_handed_over(
    pool: Pool, stub: Stubs, subscribers: Subscribers
) -> None:
    other = await add_contact(
        pool,
        subscribers.isp,
        subscribers.account_id,
        message_category_ids=[subscribers.category_id],
    )
    await add_number(pool, subscribers.isp, other, "+12125550109")
    await fire(stub)
    await pool.execute("UPDATE message SET phone = '+19005550123' WHERE phone = '+12125550101'")
    carrier = await send_all(pool)
    assert [each.recipient for each in carrier.submissions] == ["+12125550109"]
    failed = await pool.fetch("SELECT reject_reason FROM message WHERE status = 5")
    assert [row["reject_reason"] for row in failed] == ["NUMBER.REGION_NOT_ALLOWED"]


async def test_what_waits_follows_limits_that_are_changed(
    pool: Pool, stub: Stubs, subscribers: Subscribers, limit: Any
) -> None:
    await limit(spend_per_day_micros=PRICE)
    await fire_stream(stub, [event(str(n)) for n in range(3)])
    assert len((await send_all(pool)).submissions) == 1
    await limit(spend_per_day_micros=2 * PRICE)
    assert len((await send_all(pool)).submissions) == 1
    await pool.execute("UPDATE sending_limit SET surge_pause_time = now()")
    await limit(spend_per_day_micros=0)
    assert (await send_all(pool)).submissions == []
    changed = await limit(surge_multiple=0)
    assert changed.surge_multiple == 0
    assert not (await usage_of(stub)).HasField("surge_pause_time")
    assert len((await send_all(pool)).submissions) == 1
