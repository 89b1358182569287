"""The demonstration's quiet hours, at every time of day and in the nights when clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from outbound_sms.cli.demo.quiet_window import quiet_around, quiet_before
from outbound_sms.domain.quiet_hours import (
    QuietHours,
    check_quiet_hours,
    is_quiet,
    parse_clock_time,
)
from outboundsms.v1 import quiet_hours_pb2

ZONES = ("America/New_York", "America/St_Johns", "America/Phoenix", "Pacific/Honolulu", "UTC")
# An ordinary day, and those on which clocks go forth and back.
DAYS = (datetime(2026, 6, 10), datetime(2026, 3, 8), datetime(2026, 11, 1))


def as_domain(given: quiet_hours_pb2.QuietHours) -> QuietHours:
    """The window, which must be one that the settings take."""
    start, end = parse_clock_time(given.start_time), parse_clock_time(given.end_time)
    check_quiet_hours(start, end)
    return QuietHours(start, end)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("day", DAYS)
def test_it_is_quiet_from_now_on_for_as_long_as_the_demonstration_takes(
    day: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    start = day.replace(tzinfo=zone).astimezone(UTC)
    for minute in range(0, 26 * 60, 7):
        now = start + timedelta(minutes=minute, seconds=59)
        hours = as_domain(quiet_around(now, zone))
        for later in range(0, 58, 3):
            assert is_quiet(hours, zone, now + timedelta(minutes=later)), (now, hours, later)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("day", DAYS)
def test_the_hours_that_are_over_do_not_come_back_before_it_ends(day: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    start = day.replace(tzinfo=zone).astimezone(UTC)
    for minute in range(0, 26 * 60, 7):
        now = start + timedelta(minutes=minute, seconds=59)
        hours = as_domain(quiet_before(now, zone))
        for later in range(0, 6 * 60, 11):
            assert not is_quiet(hours, zone, now + timedelta(minutes=later)), (now, hours, later)
