"""Months as people name them, and when their days begin."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.month import Month, parse_month
from outbound_sms.domain.time_zone import parse_zone, zone_names

MONTHS = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
NEWFOUNDLAND = ZoneInfo("America/St_Johns")


@given(MONTHS)
def test_a_month_is_read_as_it_is_written(month: Month) -> None:
    assert parse_month(str(month)) == month


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-1", "2026-00", "2026-13", "1999-12", "9999-12", " 2026-01", "2026-01\n"],
)
def test_what_is_no_month_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="for example 2026-03"):
        parse_month(text)


def test_months_follow_on_one_another() -> None:
    assert Month(2025, 12).next == Month(2026, 1)
    assert Month(2026, 1) < Month(2026, 2) < Month(2027, 1)
    assert Month(2024, 2).days[-1] == date(2024, 2, 29)
    assert len(Month(2025, 2).days) == 28


def test_the_month_of_a_moment_is_that_of_the_place() -> None:
    moment = datetime(2025, 7, 1, 2, 29, 59, tzinfo=UTC)
    assert Month.of(moment, NEWFOUNDLAND) == Month(2025, 6)
    assert Month.of(moment + timedelta(seconds=1), NEWFOUNDLAND) == Month(2025, 7)


@given(MONTHS, st.sampled_from(sorted(zone_names())))
def test_the_days_of_a_month_leave_no_time_out(month: Month, name: str) -> None:
    zone = parse_zone(name)
    starts = month.day_starts(zone)
    assert len(starts) == len(month.days) + 1
    assert month.next.day_starts(zone)[0] == starts[-1]
    for day, (start, end) in zip(month.days, pairwise(starts), strict=True):
        assert timedelta(0) <= end - start <= timedelta(hours=26)
        assert start.tzinfo is UTC
        if end > start:
            assert start.astimezone(zone).date() == day
            assert (end - timedelta(microseconds=1)).astimezone(zone).date() <= day


@pytest.mark.parametrize(("month", "hours"), [("2025-03", -1), ("2025-11", 1), ("2025-07", 0)])
def test_months_of_clock_changes_are_an_hour_shorter_and_longer(month: str, hours: int) -> None:
    starts = parse_month(month).day_starts(NEWFOUNDLAND)
    usual = timedelta(days=len(starts) - 1)
    assert starts[-1] - starts[0] == usual + timedelta(hours=hours)
