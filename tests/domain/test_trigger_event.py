"""When the texts of an event have lost their point."""

from datetime import UTC, datetime, timedelta

import pytest

from outbound_sms.domain.errors import InvalidRequest
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.trigger_type import TRIGGER_TYPES
from outbound_sms.domain.trigger_values import read_values

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


def event(
    trigger_type: str = "PAYMENT_SUCCESS", expire_time: datetime | None = None, **variables: str
) -> TriggerEvent:
    trigger = TRIGGER_TYPES[trigger_type]
    values, _ = read_values(trigger, variables)
    return TriggerEvent(trigger, None, "1001", None, "", "key", values, expire_time)


def refused(given: TriggerEvent) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        given.valid_until(NOW)
    return [violation.field for violation in caught.value.violations]


def test_a_text_is_good_for_a_day() -> None:
    assert event().valid_until(NOW) == NOW + DAY


@pytest.mark.parametrize("left", [MOMENT, 7 * DAY])
def test_an_expire_time_within_a_week_is_kept(left: timedelta) -> None:
    assert event(expire_time=NOW + left).valid_until(NOW) == NOW + left


@pytest.mark.parametrize("left", [-DAY, timedelta(0), 7 * DAY + MOMENT])
def test_an_expire_time_that_is_past_or_far_is_refused(left: timedelta) -> None:
    assert refused(event(expire_time=NOW + left)) == ["expire_time"]


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("2027-03-01T15:30:00Z", datetime(2027, 3, 1, 15, 30, tzinfo=UTC)),
        ("2027-03-01T15:30:00-05:00", datetime(2027, 3, 1, 20, 30, tzinfo=UTC)),
        ("2027-03-09T09:00:00Z", NOW + DAY),
    ],
)
def test_the_text_about_a_job_is_good_until_it_starts(start: str, until: datetime) -> None:
    assert event("JOB_SCHEDULED", JOB_START=start).valid_until(NOW) == until


@pytest.mark.parametrize("start", ["2027-03-01T12:00:00Z", "2027-02-28T09:00:00-05:00"])
def test_a_job_that_has_started_is_refused_by_its_variable(start: str) -> None:
    assert refused(event("JOB_SCHEDULED", JOB_START=start)) == ["variables.JOB_START"]


def test_an_expire_time_goes_before_the_start_of_a_job() -> None:
    given = event("JOB_SCHEDULED", NOW + 2 * DAY, JOB_START="2027-03-01T09:00:00Z")
    assert given.valid_until(NOW) == NOW + 2 * DAY
