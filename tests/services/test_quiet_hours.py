"""Quiet hours as callers set and see them, through real stubs."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.domain.access import RoleValues
from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.services.quiet_hours_fields import quiet_hours_of, show_quiet_hours
from outbound_sms.store.api_keys import create_api_key
from outbound_sms.store.pool import Pool
from outbound_sms.store.roles import create_role
from outboundsms.v1 import quiet_hours_pb2, settings_pb2
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.services.failures import failure
from tests.services.running import Running, Stubs, Tenant

Code = grpc.StatusCode
INSTANCE = quiet_hours_pb2.QUIET_HOURS_MODE_INSTANCE
RECIPIENT = quiet_hours_pb2.QUIET_HOURS_MODE_RECIPIENT
HOUR = timedelta(hours=1)


def hours(start: str, end: str, mode: int = 0, **output: Any) -> quiet_hours_pb2.QuietHours:
    return quiet_hours_pb2.QuietHours(
        start_time=start,
        end_time=end,
        mode=quiet_hours_pb2.QuietHoursMode.ValueType(mode),
        **output,
    )


async def set_hours(
    settings: Any,
    given: quiet_hours_pb2.QuietHours | None,
    *,
    time_zone: str = "",
    etag: str = "",
) -> settings_pb2.SmsSettings:
    paths = ["quiet_hours", *(["time_zone"] if time_zone else [])]
    answer: settings_pb2.UpdateSmsSettingsResponse = await settings.UpdateSmsSettings(
        settings_pb2.UpdateSmsSettingsRequest(
            settings=settings_pb2.SmsSettings(quiet_hours=given, time_zone=time_zone, etag=etag),
            update_mask=FieldMask(paths=paths),
        )
    )
    return answer.settings


async def get_hours(settings: Any) -> quiet_hours_pb2.QuietHours:
    answer: settings_pb2.GetQuietHoursResponse = await settings.GetQuietHours(
        settings_pb2.GetQuietHoursRequest()
    )
    return answer.quiet_hours


async def clock(pool: Pool) -> datetime:
    found: datetime = await pool.fetchval("SELECT clock_timestamp()")
    return found


async def test_a_new_instance_has_no_quiet_hours(stub: Stubs) -> None:
    found = await get_hours(stub(SettingsStub))
    assert found == quiet_hours_pb2.QuietHours(time_zone="America/New_York")


@pytest.mark.parametrize(
    ("mode", "shown"), [(0, INSTANCE), (INSTANCE, INSTANCE), (RECIPIENT, RECIPIENT)]
)
async def test_quiet_hours_are_shown_as_they_were_set(
    stub: Stubs, other_instance: Tenant, server: Running, mode: int, shown: int
) -> None:
    settings = stub(SettingsStub)
    ignored = {"time_zone": "Mars/Olympus", "in_force": True}
    after = (await set_hours(settings, hours("21:00", "08:00", mode, **ignored))).quiet_hours
    assert (after.start_time, after.end_time, after.mode) == ("21:00", "08:00", shown)
    assert after.time_zone == "America/New_York"
    assert len(server.woken) == 1
    assert await get_hours(settings) == after
    answer = await settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    assert answer.settings.quiet_hours == after
    theirs = await get_hours(stub(SettingsStub, other_instance.key))
    assert theirs.start_time == ""


async def test_the_hours_of_midnight_are_hours(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    for start, end in (("00:00", "07:00"), ("20:00", "00:00")):
        after = (await set_hours(settings, hours(start, end))).quiet_hours
        assert (after.start_time, after.end_time) == (start, end)


@pytest.mark.parametrize("empty", [hours("", ""), hours("", "", RECIPIENT), None])
async def test_empty_times_end_quiet_hours(
    stub: Stubs, empty: quiet_hours_pb2.QuietHours | None
) -> None:
    settings = stub(SettingsStub)
    await set_hours(settings, hours("21:00", "08:00", RECIPIENT))
    after = await set_hours(settings, empty)
    assert after.quiet_hours == quiet_hours_pb2.QuietHours(time_zone="America/New_York")
    assert await get_hours(settings) == after.quiet_hours


async def test_what_the_mask_leaves_out_keeps_its_quiet_hours(stub: Stubs) -> None:
    settings = stub(SettingsStub)
    await set_hours(settings, hours("21:00", "08:00", RECIPIENT))
    answer = await settings.UpdateSmsSettings(
        settings_pb2.UpdateSmsSettingsRequest(
            settings=settings_pb2.SmsSettings(
                time_zone="America/Denver", quiet_hours=hours("01:00", "02:00")
            ),
            update_mask=FieldMask(paths=["time_zone"]),
        )
    )
    found = answer.settings.quiet_hours
    assert (found.start_time, found.end_time, found.mode) == ("21:00", "08:00", RECIPIENT)
    assert found.time_zone == "America/Denver"


WHOLE = "settings.quiet_hours"
START, END, MODE = f"{WHOLE}.start_time", f"{WHOLE}.end_time", f"{WHOLE}.mode"


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (hours("21:00", ""), {END}),
        (hours("", "08:00"), {START}),
        (hours("9 PM", "8:00"), {START, END}),
        (hours("24:00", "08:00"), {START}),
        (hours("21:00:00", "08:00"), {START}),
        (hours("08:00", "08:00"), {WHOLE}),
        (hours("20:00", "08:01"), {WHOLE}),
        (hours("08:00", "07:59"), {WHOLE}),
        (hours("21:00", "08:00", 3), {MODE}),
        (hours("", "", 3), {MODE}),
        (hours("21", "21", 9), {START, END, MODE}),
        (hours("20:00", "08:01", 9), {WHOLE, MODE}),
    ],
)
async def test_all_that_is_wrong_with_quiet_hours_is_said_at_once(
    stub: Stubs, given: quiet_hours_pb2.QuietHours, fields: set[str]
) -> None:
    settings = stub(SettingsStub)
    before = (await set_hours(settings, hours("21:00", "08:00", RECIPIENT))).quiet_hours
    refused = await failure(set_hours(settings, given, time_zone="EST", etag="x"))
    assert refused.code is Code.INVALID_ARGUMENT
    assert refused.violations.keys() == fields | {"settings.time_zone", "settings.etag"}
    assert await get_hours(settings) == before


@pytest.mark.parametrize("path", ["quiet_hours.start_time", "quiet_hours.mode", "sms_available"])
async def test_quiet_hours_change_as_a_whole(stub: Stubs, path: str) -> None:
    request = settings_pb2.UpdateSmsSettingsRequest(
        settings=settings_pb2.SmsSettings(quiet_hours=hours("21:00", "08:00")),
        update_mask=FieldMask(paths=[path]),
    )
    refused = await failure(stub(SettingsStub).UpdateSmsSettings(request))
    assert refused.violations.keys() == {"update_mask"}


async def test_quiet_hours_of_the_moment_are_in_force_until_they_end(
    stub: Stubs, pool: Pool
) -> None:
    settings = stub(SettingsStub)
    now = await clock(pool)
    start, end = now - HOUR, now + 3 * HOUR
    await set_hours(settings, hours(f"{start:%H:%M}", f"{end:%H:%M}"), time_zone="UTC")
    found = await get_hours(settings)
    assert found.in_force
    assert found.change_time.ToDatetime(UTC) == end.replace(second=0, microsecond=0)


async def test_quiet_hours_to_come_change_when_they_start(stub: Stubs, pool: Pool) -> None:
    settings = stub(SettingsStub)
    start = await clock(pool) + 3 * HOUR
    given = hours(f"{start:%H:%M}", f"{start + HOUR:%H:%M}", RECIPIENT)
    await set_hours(settings, given, time_zone="UTC")
    found = await get_hours(settings)
    assert not found.in_force
    assert found.change_time.ToDatetime(UTC) == start.replace(second=0, microsecond=0)


async def test_whether_they_are_in_force_goes_by_the_clock_of_the_instance(
    stub: Stubs, pool: Pool
) -> None:
    settings = stub(SettingsStub)
    now = await clock(pool)
    given = hours(f"{now - HOUR:%H:%M}", f"{now + 3 * HOUR:%H:%M}", RECIPIENT)
    assert (await set_hours(settings, given, time_zone="UTC")).quiet_hours.in_force
    # Eight hours behind at least, whatever the season.
    moved = await set_hours(settings, given, time_zone="America/Anchorage")
    assert not moved.quiet_hours.in_force


async def test_any_caller_may_see_them_and_only_some_may_set_them(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    instance_id, secret = instance.instance.id, make_key()
    role = await create_role(pool, instance_id, RoleValues("Nothing"))
    await create_api_key(pool, instance_id, role.id, "key", secret)
    await set_hours(stub(SettingsStub), hours("21:00", "08:00"))
    powerless = stub(SettingsStub, secret.text)
    assert (await get_hours(powerless)).start_time == "21:00"
    refused = await failure(set_hours(powerless, hours("", "")))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")


@pytest.mark.parametrize(
    ("now", "in_force", "change"),
    [
        ("2026-03-07 20:59", False, "2026-03-08 02:00"),
        ("2026-03-08 04:00", True, "2026-03-08 12:00"),
        ("2026-11-01 01:00", True, "2026-11-01 13:00"),
        ("2026-11-01 13:00", False, "2026-11-02 02:00"),
    ],
)
def test_their_end_is_right_on_nights_when_clocks_change(
    now: str, in_force: bool, change: str
) -> None:
    moment, until = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, change))
    shown = show_quiet_hours(
        QuietHours(time(21), time(8), QuietMode.RECIPIENT), "America/New_York", moment
    )
    assert (shown.in_force, shown.change_time.ToDatetime(UTC)) == (in_force, until)


async def test_other_services_show_them_at_a_moment_of_their_own(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    await set_hours(stub(SettingsStub), hours("21:00", "08:00"))
    quiet, free = datetime(2026, 6, 1, 5, tzinfo=UTC), datetime(2026, 6, 1, 16, tzinfo=UTC)
    assert (await quiet_hours_of(pool, instance.instance.id, quiet)).in_force
    assert not (await quiet_hours_of(pool, instance.instance.id, free)).in_force
