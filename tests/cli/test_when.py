"""Times as people type them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from outbound_sms.cli.when import parse_span, parse_when

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 23, 15, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("+90m", NOW + timedelta(minutes=90)),
        ("+4h", NOW + timedelta(hours=4)),
        ("+1d", NOW + timedelta(days=1)),
        ("14:30", datetime(2026, 11, 23, 19, 30, tzinfo=UTC)),
        ("2026-11-23T14:30", datetime(2026, 11, 23, 19, 30, tzinfo=UTC)),
        ("2026-07-01T14:30", datetime(2026, 7, 1, 18, 30, tzinfo=UTC)),
        ("2026-11-23T14:30-08:00", datetime(2026, 11, 23, 22, 30, tzinfo=UTC)),
        ("2026-11-23T14:30:00Z", datetime(2026, 11, 23, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_a_wall_clock_of_the_zone(
    text: str, expected: datetime
) -> None:
    assert parse_when(text, NOW, NEW_YORK) == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "+4y", "+", "2026-13-01T00:00", "12:60"])
def test_what_is_no_time_says_what_can_be_written(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write now"):
        parse_when(text, NOW, NEW_YORK)


def test_spans_are_a_number_and_a_unit() -> None:
    assert parse_span("90m") == timedelta(minutes=90)
    with pytest.raises(ValueError, match="is not a time span"):
        parse_span("ninety")
