from datetime import UTC, datetime, timedelta

import pytest

from outbound_sms.domain.outage import END_FIELD, START_FIELD, check_outage_times
from outbound_sms.domain.saved_messages import SavedMessageKey

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLANNED = SavedMessageKey.PLANNED_OUTAGE
UNPLANNED = SavedMessageKey.UNPLANNED_OUTAGE
NO_ETA = SavedMessageKey.UNPLANNED_OUTAGE_NO_ETA


def fields(
    key: SavedMessageKey, start: datetime | None, end: datetime | None
) -> list[tuple[str, str]]:
    found = check_outage_times(key, start, end, NOW)
    return [(violation.field, violation.description.split(";")[0]) for violation in found]


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        (PLANNED, NOW + HOUR, NOW + 2 * HOUR),
        (PLANNED, NOW - HOUR, NOW + HOUR),
        (PLANNED, NOW + timedelta(days=364), NOW + timedelta(days=365)),
        (UNPLANNED, NOW - HOUR, NOW + HOUR),
        (NO_ETA, NOW - HOUR, None),
    ],
)
def test_times_that_make_sense_pass(
    key: SavedMessageKey, start: datetime, end: datetime | None
) -> None:
    assert fields(key, start, end) == []


def test_everything_missing_is_said_at_once() -> None:
    assert fields(PLANNED, None, None) == [
        (START_FIELD, "is missing"),
        (END_FIELD, "is missing"),
    ]
    assert fields(NO_ETA, None, None) == [(START_FIELD, "is missing")]


def test_an_end_is_refused_where_no_estimate_is_known() -> None:
    assert fields(NO_ETA, NOW - HOUR, NOW + HOUR) == [(END_FIELD, "must be left out")]


@pytest.mark.parametrize("length", [timedelta(0), -HOUR])
def test_the_end_must_come_after_the_start(length: timedelta) -> None:
    start = NOW + 5 * HOUR
    assert fields(PLANNED, start, start + length) == [(END_FIELD, "is not after the outage start")]


def test_an_outage_that_is_over_is_not_announced() -> None:
    assert fields(UNPLANNED, NOW - 2 * HOUR, NOW) == [(END_FIELD, "has passed")]
    assert fields(PLANNED, NOW - 2 * HOUR, NOW - HOUR) == [(END_FIELD, "has passed")]


@pytest.mark.parametrize("years", [1, -1])
def test_times_more_than_a_year_away_are_a_slip(years: int) -> None:
    far = NOW + years * timedelta(days=365, seconds=1)
    assert (START_FIELD, "is more than 365 days away") in fields(PLANNED, far, far + HOUR)


def test_both_ends_far_away_are_both_named() -> None:
    far = NOW + timedelta(days=400)
    assert [field for field, _ in fields(PLANNED, far, far + HOUR)] == [START_FIELD, END_FIELD]
