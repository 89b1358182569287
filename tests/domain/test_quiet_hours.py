"""Quiet hours on ordinary days and on nights when clocks change, with exact answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbound_sms.domain.quiet_hours import (
    HORIZON,
    NEVER,
    QuietHours,
    QuietMode,
    check_quiet_hours,
    is_quiet,
    next_hold,
    next_release,
    parse_clock_time,
)
from outbound_sms.domain.time_zone import parse_zone, zone_names

NEW_YORK = "America/New_York"
MINUTE = timedelta(minutes=1)
DAY = 24 * 60


def window(text: str) -> QuietHours:
    """The quiet hours of `21:00-08:00`."""
    start, end = map(parse_clock_time, text.split("-"))
    return QuietHours(start, end)


def utc(text: str) -> datetime:
    """The instant of `2026-03-08 04:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hours", "now", "release"),
    [
        pytest.param(NEW_YORK, "21:00-08:00", "2026-03-08 04:00", "2026-03-08 12:00", id="Q1"),
        pytest.param(NEW_YORK, "22:00-02:30", "2026-03-08 06:00", "2026-03-08 07:00", id="Q2"),
        pytest.param(NEW_YORK, "02:15-06:00", "2026-03-08 07:00", "2026-03-08 10:00", id="Q4"),
        pytest.param(NEW_YORK, "21:00-08:00", "2026-11-01 01:00", "2026-11-01 13:00", id="Q5"),
        pytest.param(NEW_YORK, "22:00-01:30", "2026-11-01 05:15", "2026-11-01 05:30", id="Q6"),
        pytest.param(NEW_YORK, "22:00-01:30", "2026-11-01 06:15", "2026-11-01 06:30", id="Q7"),
        pytest.param(NEW_YORK, "01:30-09:00", "2026-11-01 05:45", "2026-11-01 06:00", id="Q8"),
        pytest.param(
            "Australia/Lord_Howe", "21:00-02:15", "2026-10-03 13:00", "2026-10-03 15:30", id="Q9"
        ),
        pytest.param(
            "America/St_Johns", "20:00-08:00", "2026-03-08 02:00", "2026-03-08 10:30", id="Q10"
        ),
        pytest.param(
            "Pacific/Apia", "21:00-08:00", "2011-12-30 09:00", "2011-12-30 18:00", id="Q11"
        ),
    ],
)
def test_what_is_held_is_released_at_the_minute_that_the_wall_clock_says(
    zone: str, hours: str, now: str, release: str
) -> None:
    where = parse_zone(zone)
    assert is_quiet(window(hours), where, utc(now))
    assert next_release(window(hours), [where], utc(now)) == utc(release)
    assert not is_quiet(window(hours), where, utc(release))


def test_q3_a_window_that_the_clock_jumps_over_holds_nothing_that_night() -> None:
    hours, zone = window("02:00-03:00"), parse_zone(NEW_YORK)
    midnight = utc("2026-03-08 05:00")
    night = [midnight + n * MINUTE for n in range(8 * 60)]
    assert not any(is_quiet(hours, zone, minute) for minute in night)
    assert next_release(hours, [zone], utc("2026-03-08 06:59")) == utc("2026-03-08 06:59")
    assert next_hold(hours, [zone], utc("2026-03-08 06:59")) == utc("2026-03-09 06:00")


@pytest.mark.parametrize(
    ("hours", "free_from", "quiet_again", "free_for_good"),
    [
        pytest.param("22:00-01:30", "05:30", "06:00", "06:30", id="Q6"),
        pytest.param("01:30-09:00", "06:00", "06:30", "14:00", id="Q8"),
    ],
)
def test_in_a_repeated_hour_the_window_repeats_too(
    hours: str, free_from: str, quiet_again: str, free_for_good: str
) -> None:
    zone, night = parse_zone(NEW_YORK), "2026-11-01 "
    again = next_hold(window(hours), [zone], utc(night + free_from))
    assert again == utc(night + quiet_again)
    assert next_release(window(hours), [zone], again) == utc(night + free_for_good)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [
        ("20:59:59.999", False),
        ("21:00:00", True),
        ("07:59:59.999", True),
        ("08:00:00", False),
    ],
)
def test_q12_the_start_is_quiet_and_the_end_is_not(clock: str, quiet: bool) -> None:
    now = datetime.fromisoformat(f"2026-06-01 {clock}").replace(tzinfo=parse_zone(NEW_YORK))
    assert is_quiet(window("21:00-08:00"), parse_zone(NEW_YORK), now.astimezone(UTC)) is quiet


@pytest.mark.parametrize("hours", ["20:00-08:00", "00:00-12:00", "12:00-00:00", "23:59-00:00"])
def test_q13_up_to_twelve_hours_are_allowed(hours: str) -> None:
    allowed = window(hours)
    check_quiet_hours(allowed.start, allowed.end)


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        ("20:00-08:01", "longer than 12 hours"),
        ("00:00-12:01", "longer than 12 hours"),
        ("08:00-07:59", "longer than 12 hours"),
        ("08:00-08:00", "leave both empty"),
        ("00:00-00:00", "leave both empty"),
    ],
)
def test_q13_longer_windows_and_empty_ones_are_refused(hours: str, problem: str) -> None:
    refused = window(hours)
    with pytest.raises(ValueError, match=problem):
        check_quiet_hours(refused.start, refused.end)


def test_times_of_day_are_read_to_the_minute() -> None:
    assert parse_clock_time("00:00") == time(0)
    assert parse_clock_time("23:59") == time(23, 59)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9:00",
        "24:00",
        "12:60",
        "21:00:00",
        " 21:00",
        "21:00\n",
        "2100",
        "9 PM",
        "٢١:٠٠",
        "-1:00",
    ],
)
def test_anything_else_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="give HH:MM"):
        parse_clock_time(text)


def test_what_is_free_now_is_released_now_to_the_microsecond() -> None:
    now = utc("2026-06-01 16:00:00.000001")
    assert next_release(window("21:00-08:00"), [parse_zone(NEW_YORK)], now) == now
    held = utc("2026-06-01 05:00:00.000001")
    assert next_hold(window("21:00-08:00"), [parse_zone(NEW_YORK)], held) == held


def test_it_must_be_free_in_every_zone_of_a_recipient() -> None:
    hours = window("21:00-08:00")
    zones = [parse_zone("America/Los_Angeles"), parse_zone(NEW_YORK)]
    evening = utc("2026-06-02 00:30")
    assert next_hold(hours, zones, evening) == utc("2026-06-02 01:00")
    assert next_release(hours, zones, utc("2026-06-02 01:00")) == utc("2026-06-02 15:00")


def test_zones_that_are_never_free_together_release_nothing() -> None:
    hours = window("20:00-08:00")
    zones = [parse_zone("America/New_York"), parse_zone("Asia/Shanghai")]
    assert next_release(hours, zones, utc("2026-07-01 12:00")) is None
    # In winter they are 13 hours apart.
    assert next_release(hours, zones, utc("2026-12-01 12:00")) == utc("2026-12-01 12:00") + 12 * (
        60 * MINUTE
    )


def test_without_zones_nothing_is_held() -> None:
    now = utc("2026-06-01 05:00")
    assert next_release(window("21:00-08:00"), [], now) == now
    assert next_hold(window("21:00-08:00"), [], now) == NEVER


def test_instants_may_come_with_any_offset_and_leave_in_utc() -> None:
    eastern = timezone(timedelta(hours=-4))
    now = datetime(2026, 6, 1, 23, tzinfo=eastern)
    release = next_release(window("21:00-08:00"), [parse_zone(NEW_YORK)], now)
    assert release == utc("2026-06-02 12:00")
    assert release.tzinfo is UTC
    free = datetime(2026, 6, 1, 12, tzinfo=eastern)
    unchanged = next_release(window("21:00-08:00"), [parse_zone(NEW_YORK)], free)
    assert unchanged is not None
    assert unchanged.tzinfo is UTC


def test_quiet_hours_go_by_the_clock_of_the_instance_unless_they_say_otherwise() -> None:
    assert window("21:00-08:00").mode is QuietMode.INSTANCE


def test_every_offset_is_whole_minutes_as_the_search_for_edges_takes_for_granted() -> None:
    days = [utc("2026-01-01 00:00") + n * timedelta(days=7) for n in range(2 * 52)]
    zones = [parse_zone(name) for name in sorted(zone_names())]
    odd = {
        zone.key
        for zone in zones
        for day in days
        if (day.astimezone(zone).utcoffset() or timedelta()) % MINUTE
    }
    assert odd == set()


Case = tuple[QuietHours, Sequence[ZoneInfo], datetime]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any window, one to three zones, and an instant: often close to a change of their clocks."""
    names = draw(st.lists(st.sampled_from(sorted(zone_names())), min_size=1, max_size=3))
    zones = [parse_zone(name) for name in names]
    start = draw(st.integers(0, DAY - 1))
    end = (start + draw(st.integers(1, DAY // 2))) % DAY
    hours = QuietHours(time(start // 60, start % 60), time(end // 60, end % 60))
    now = utc("2005-01-01 00:00") + timedelta(seconds=draw(st.integers(0, 30 * 365 * 86_400)))
    if draw(st.booleans()):
        now = clock_change(zones[0], now) + timedelta(seconds=draw(st.integers(-86_400, 86_400)))
    return hours, zones, now


def clock_change(zone: ZoneInfo, after: datetime) -> datetime:
    """About when the zone's clock changes next; `after` where it does not within a year."""
    for n in range(365):
        day = after + timedelta(days=n)
        if (
            day.astimezone(zone).utcoffset()
            != (day - timedelta(days=1)).astimezone(zone).utcoffset()
        ):
            return day
    return after


def first_minute(case: Case, *, quiet: bool) -> datetime | None:
    """What a look at every minute finds: the first that is quiet in a zone, or in none."""
    hours, zones, now = case
    minute = now
    while minute <= now + HORIZON:
        if any(is_quiet(hours, zone, minute) for zone in zones) is quiet:
            return minute
        minute = minute.replace(second=0, microsecond=0) + MINUTE
    return None


@given(cases())
@example((window("22:00-02:30"), [parse_zone(NEW_YORK)], utc("2026-03-08 03:00:01")))
@example((window("21:00-02:15"), [parse_zone("Australia/Lord_Howe")], utc("2026-10-03 13:00")))
@example((window("23:30-11:30"), [parse_zone("Pacific/Apia")], utc("2011-12-30 09:59:59")))
@settings(deadline=None, max_examples=300)
def test_the_release_is_the_first_minute_that_is_not_quiet(case: Case) -> None:
    assert next_release(*case) == first_minute(case, quiet=False)


@given(cases())
@example((window("02:00-03:00"), [parse_zone(NEW_YORK)], utc("2026-03-08 06:59:30")))
@example((window("01:30-01:45"), [parse_zone(NEW_YORK)], utc("2026-11-01 05:50")))
@settings(deadline=None, max_examples=300)
def test_the_hold_is_the_first_minute_that_is_quiet(case: Case) -> None:
    assert next_hold(*case) == (first_minute(case, quiet=True) or NEVER)
