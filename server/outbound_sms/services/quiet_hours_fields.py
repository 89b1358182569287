"""Quiet hours as they are sent and received."""

from datetime import datetime, time
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.quiet_hours import (
    NEVER,
    QuietHours,
    QuietMode,
    check_quiet_hours,
    is_quiet,
    next_hold,
    next_release,
    parse_clock_time,
)
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.rpc.fields import check_enum, to_timestamp
from outbound_sms.store import settings
from outbound_sms.store.pool import Database
from outboundsms.v1 import quiet_hours_pb2


def read_quiet_hours(
    violations: Violations, field: str, given: quiet_hours_pb2.QuietHours
) -> QuietHours | None:
    """The quiet hours, None when both times are empty; worth using only without a violation."""
    mode = given.mode or quiet_hours_pb2.QUIET_HOURS_MODE_INSTANCE
    known = check_enum(violations, f"{field}.mode", mode, quiet_hours_pb2.QuietHoursMode)
    if not given.start_time and not given.end_time:
        return None
    start = _read_time(violations, f"{field}.start_time", given.start_time, "end_time")
    end = _read_time(violations, f"{field}.end_time", given.end_time, "start_time")
    if start is None or end is None:
        return None
    try:
        check_quiet_hours(start, end)
    except ValueError as error:
        violations.add(field, str(error))
    return QuietHours(start, end, QuietMode(mode)) if known else None


def show_quiet_hours(
    hours: QuietHours | None, time_zone: str, now: datetime
) -> quiet_hours_pb2.QuietHours:
    """The quiet hours of an instance, and whether they are in force at `now` by its own clock."""
    if hours is None:
        return quiet_hours_pb2.QuietHours(time_zone=time_zone)
    zone = parse_zone(time_zone)
    in_force = is_quiet(hours, zone, now)
    change = next_release(hours, [zone], now) if in_force else next_hold(hours, [zone], now)
    return quiet_hours_pb2.QuietHours(
        start_time=f"{hours.start:%H:%M}",
        end_time=f"{hours.end:%H:%M}",
        mode=quiet_hours_pb2.QuietHoursMode.ValueType(hours.mode),
        time_zone=time_zone,
        in_force=in_force,
        change_time=to_timestamp(change if change != NEVER else None),
    )


async def quiet_hours_of(
    db: Database, instance_id: UUID, now: datetime
) -> quiet_hours_pb2.QuietHours:
    """The quiet hours of the instance as they are at `now`."""
    found = await settings.get_sms_settings(db, instance_id)
    return show_quiet_hours(found.quiet_hours, found.time_zone, now)


def _read_time(violations: Violations, field: str, text: str, other: str) -> time | None:
    if not text:
        violations.add(field, f"is missing; give HH:MM, or leave {other} empty too")
        return None
    try:
        return parse_clock_time(text)
    except ValueError as error:
        violations.add(field, str(error))
        return None
