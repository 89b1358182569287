"""Why messages wait and which quiet hours they kept, as an operator sees it through real stubs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.quiet_hours_pb2 import QUIET_HOURS_MODE_INSTANCE, QUIET_HOURS_MODE_RECIPIENT
from tests.factories import add_mass_message
from tests.feed.writer import change
from tests.services.quiet import set_no_quiet, set_quiet
from tests.services.running import Stubs, Tenant
from tests.services.sent import Outbox, make_outbox

RECIPIENT = 2


@pytest.fixture
async def outbox(pool: Pool, instance: Tenant) -> Outbox:
    return await make_outbox(pool, instance.instance.id)


async def shown(stub: Stubs, message: UUID) -> pb.Message:
    """The message as both the list and GetMessage show it."""
    delivery = stub(DeliveryStub)
    listed = await delivery.ListMessages(pb.ListMessagesRequest(page_size=1000))
    [found] = [each for each in listed.messages if each.message_id == str(message)]
    answer = await delivery.GetMessage(pb.GetMessageRequest(message_id=str(message)))
    assert answer.message == found
    return pb.Message.FromString(found.SerializeToString())


async def hold_of(stub: Stubs, message: UUID) -> tuple[int, datetime | None] | None:
    """Reason and time of release; None for a message that nothing holds."""
    found = await shown(stub, message)
    if not found.HasField("hold"):
        return None
    release = None
    if found.hold.HasField("release_time"):
        release = found.hold.release_time.ToDatetime(UTC)
    return found.hold.reason, release


async def set_instance(pool: Pool, instance_id: UUID, **columns: Any) -> None:
    for column, value in columns.items():
        await pool.execute(f"UPDATE instance SET {column} = $2 WHERE id = $1", instance_id, value)


async def test_a_triggered_message_is_held_until_quiet_hours_end(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    ends = await set_quiet(pool, outbox.isp.instance_id)
    held = await outbox.add_triggered()
    assert await hold_of(stub, held) == (pb.HOLD_REASON_QUIET_HOURS, ends)
    said = (await shown(stub, held)).hold.text
    assert said == f"Quiet hours until {ends:%b} {ends.day} {ends:%I:%M %p}".replace(" 0", " ") + (
        " UTC."
    )


async def test_the_head_of_every_page_shows_the_quiet_hours(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    instance_id = outbox.isp.instance_id
    ends = await set_quiet(pool, instance_id)
    for _ in range(3):
        await outbox.add()
    delivery = stub(DeliveryStub)
    request = pb.ListMessagesRequest(page_size=1)
    for _ in range(3):
        page = await delivery.ListMessages(request)
        head = page.quiet_hours
        assert (head.end_time, head.time_zone) == (f"{ends:%H:%M}", "UTC")
        assert (head.mode, head.in_force) == (QUIET_HOURS_MODE_INSTANCE, True)
        assert head.change_time.ToDatetime(UTC) == ends
        request.page_token = page.next_page_token
    await set_no_quiet(pool, instance_id)
    page = await delivery.ListMessages(pb.ListMessagesRequest(kind=pb.MESSAGE_KIND_TRIGGERED))
    assert (page.quiet_hours.start_time, page.quiet_hours.in_force) == ("", False)
    assert page.quiet_hours.time_zone == "UTC"


async def test_a_change_of_the_quiet_hours_is_seen_at_once(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    instance_id = outbox.isp.instance_id
    held = await outbox.add_triggered()
    assert await hold_of(stub, held) is None
    await set_quiet(pool, instance_id)
    assert await hold_of(stub, held) is not None
    later = await set_quiet(pool, instance_id, end=timedelta(hours=7))
    assert await hold_of(stub, held) == (pb.HOLD_REASON_QUIET_HOURS, later)
    await set_quiet(pool, instance_id, start=timedelta(hours=2))
    assert await hold_of(stub, held) is None


@pytest.mark.parametrize("kind", [pb.MESSAGE_KIND_MASS, pb.MESSAGE_KIND_KEYWORD_REPLY])
async def test_quiet_hours_hold_no_other_kind(
    stub: Stubs, outbox: Outbox, pool: Pool, kind: int
) -> None:
    await set_quiet(pool, outbox.isp.instance_id)
    message = await outbox.add(kind=kind)
    found = await shown(stub, message)
    assert not found.HasField("hold")
    assert not found.HasField("quiet_hours_evidence")


@pytest.mark.parametrize("status", [2, 3, 4, 5, 6])
async def test_only_what_is_pending_is_held(
    stub: Stubs, outbox: Outbox, pool: Pool, status: int
) -> None:
    await set_quiet(pool, outbox.isp.instance_id)
    await set_instance(pool, outbox.isp.instance_id, sms_enabled=False)
    message = await outbox.add_triggered()
    assert await hold_of(stub, message) is not None
    await change(pool, [message], status)
    assert await hold_of(stub, message) is None


async def test_what_somebody_must_end_is_told_before_quiet_hours(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    instance_id = outbox.isp.instance_id
    await set_quiet(pool, instance_id)
    mass_message = await add_mass_message(pool, outbox.isp)
    await pool.execute("UPDATE mass_message SET state = 3")
    mass = await outbox.add(mass_message_id=mass_message)
    triggered = await outbox.add_triggered()
    assert await hold_of(stub, mass) == (pb.HOLD_REASON_MASS_MESSAGE_PAUSED, None)
    await pool.execute("UPDATE sending_number SET enabled = false")
    assert await hold_of(stub, mass) == (pb.HOLD_REASON_SENDING_NUMBER_DISABLED, None)
    assert await hold_of(stub, triggered) == (pb.HOLD_REASON_SENDING_NUMBER_DISABLED, None)
    await set_instance(pool, instance_id, sms_enabled=False)
    for message in (mass, triggered):
        assert await hold_of(stub, message) == (pb.HOLD_REASON_SMS_DISABLED, None)
        assert "switch it on" in (await shown(stub, message)).hold.text
    await set_instance(pool, instance_id, sms_enabled=True)
    await pool.execute("UPDATE sending_number SET enabled = true")
    await pool.execute("UPDATE mass_message SET state = 2")
    assert await hold_of(stub, mass) is None


async def test_every_message_of_an_instance_waits_for_its_top_up(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    until: datetime = await pool.fetchval(
        "UPDATE balance SET waits_until = now() + interval '9 minutes' WHERE instance_id = $1 "
        "RETURNING waits_until",
        outbox.isp.instance_id,
    )
    mass = await outbox.add()
    triggered = await outbox.add_triggered()
    for message in (mass, triggered):
        assert await hold_of(stub, message) == (pb.HOLD_REASON_TOP_UP, until)
    assert "waits for an automatic top-up" in (await shown(stub, mass)).hold.text
    await change(pool, [mass], 2)
    assert await hold_of(stub, mass) is None
    await pool.execute("UPDATE balance SET waits_until = now()")
    assert await hold_of(stub, triggered) is None


async def test_a_message_says_which_prices_it_was_accepted_at(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    priced, free = await outbox.add(), await outbox.add()
    await pool.execute("UPDATE message SET price_list_version = 1 WHERE id = $1", priced)
    await pool.execute("UPDATE message SET price_list_version = NULL WHERE id = $1", free)
    assert (await shown(stub, priced)).price_list_version == 1
    assert (await shown(stub, free)).price_list_version == 0


async def test_the_recipients_clock_counts_where_the_instance_says_so(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    """The window ends in 5 hours, and the clock in Tokyo is 9 hours ahead: past the end."""
    ends = await set_quiet(pool, outbox.isp.instance_id, mode=RECIPIENT)
    here = await outbox.add_triggered("*", 4)
    elsewhere = await outbox.add_triggered("Asia/Tokyo", 1)
    both = await outbox.add_triggered("Asia/Tokyo,Africa/Abidjan", 3)
    assert await hold_of(stub, here) == (pb.HOLD_REASON_QUIET_HOURS, ends)
    assert await hold_of(stub, elsewhere) is None
    assert await hold_of(stub, both) == (pb.HOLD_REASON_QUIET_HOURS, ends)
    await set_quiet(pool, outbox.isp.instance_id)
    assert await hold_of(stub, elsewhere) == (pb.HOLD_REASON_QUIET_HOURS, ends)


async def test_the_evidence_names_the_recipients_zones_and_what_told_them(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    await set_instance(pool, outbox.isp.instance_id, time_zone="America/Denver")
    by_instance = await outbox.add_triggered("*", 4)
    by_number = await outbox.add_triggered("America/Chicago,America/New_York", 3)
    found = (await shown(stub, by_instance)).quiet_hours_evidence
    assert found == pb.QuietHoursEvidence(
        recipient_time_zones=["America/Denver"], source=pb.TIME_ZONE_SOURCE_INSTANCE
    )
    found = (await shown(stub, by_number)).quiet_hours_evidence
    assert list(found.recipient_time_zones) == ["America/Chicago", "America/New_York"]
    assert found.source == pb.TIME_ZONE_SOURCE_NUMBER


async def test_the_evidence_keeps_the_quiet_hours_of_the_hand_over(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    """Whatever the settings have become since."""
    sent = await outbox.add_triggered("America/Chicago", 2)
    await pool.execute(
        "UPDATE message SET quiet_check = 'RECIPIENT 21:00-07:30 America/Chicago' WHERE id = $1",
        sent,
    )
    await change(pool, [sent], 3)
    await set_quiet(pool, outbox.isp.instance_id)
    assert (await shown(stub, sent)).quiet_hours_evidence == pb.QuietHoursEvidence(
        recipient_time_zones=["America/Chicago"],
        source=pb.TIME_ZONE_SOURCE_REGION,
        start_time="21:00",
        end_time="07:30",
        mode=QUIET_HOURS_MODE_RECIPIENT,
        checked_time_zones=["America/Chicago"],
    )


async def test_a_sending_limit_holds_what_it_leaves_no_room_for(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    instance_id = outbox.isp.instance_id
    mass, triggered = await outbox.add(), await outbox.add_triggered()
    answer = await outbox.add(kind=pb.MESSAGE_KIND_KEYWORD_REPLY)
    ends = datetime.now(UTC) + timedelta(hours=5)
    await pool.execute(
        "UPDATE sending_limit SET per_day = 3, day_messages = 3, day_end = $2 "
        "WHERE instance_id = $1",
        instance_id,
        ends,
    )
    for message in (mass, triggered):
        assert await hold_of(stub, message) == (pb.HOLD_REASON_SENDING_LIMIT, ends)
    assert await hold_of(stub, answer) is None
    await pool.execute("UPDATE sending_limit SET per_day = 4, surge_pause_time = now()")
    assert await hold_of(stub, triggered) == (pb.HOLD_REASON_SURGE, None)
    assert await hold_of(stub, mass) is None


async def test_the_neighbours_of_a_number_hold_it_until_the_hour_is_over(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    message = await outbox.add()
    # The hour may end between two statements of this test: the next one is as full.
    await pool.execute(
        "INSERT INTO prefix_hour (instance_id, prefix, hour_start, messages) "
        "SELECT instance_id, left(phone, -4), date_trunc('hour', now(), 'UTC') + n * interval "
        "'1 hour', 7 FROM message, generate_series(0, 1) n WHERE id = $1",
        message,
    )
    assert await hold_of(stub, message) is None, "there is no such limit"
    await pool.execute("UPDATE sending_limit SET per_prefix = 7")
    held = await hold_of(stub, message)
    assert held is not None and held[0] == pb.HOLD_REASON_SENDING_LIMIT
    assert held[1] is not None and (held[1].minute, held[1].second) == (0, 0)
    await pool.execute("UPDATE sending_limit SET per_prefix = 8")
    assert await hold_of(stub, message) is None
