"""Openings: which groups quiet hours leave open, until when, and by what proof."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from outbound_sms.dispatch.openings import Openings
from outbound_sms.domain.quiet_hours import NEVER, QuietHours, QuietMode
from outbound_sms.domain.sending_number import alone
from outbound_sms.store.dispatch import OpenGroup, Opening, ReadyGroup

NIGHT = QuietHours(time(21), time(8))
BY_RECIPIENT = replace(NIGHT, mode=QuietMode.RECIPIENT)
# Seven in the evening in New York, six in Chicago: in July, so that no clock changes.
EVENING = datetime(2027, 7, 1, 23, tzinfo=UTC)
NINE_PM, TEN_PM = EVENING + timedelta(hours=2), EVENING + timedelta(hours=3)
LOOKED_AT = 1000.0


def group(
    zones: str = "*",
    *,
    now: datetime = EVENING,
    hours: QuietHours | None = NIGHT,
    number: int = 1,
    priority: int | None = None,
    waits: float = 1.0,
    version: int = 1,
) -> ReadyGroup:
    """A group of an instance in New York, the first of which has waited for `waits` seconds."""
    return ReadyGroup(
        hours=hours,
        time_zone="America/New_York",
        settings_version=version,
        instance_id=UUID(int=100 + number),
        sending_number_id=UUID(int=number),
        priority=priority or (1 if zones else 5),
        zones=zones,
        due_time=now - timedelta(seconds=waits),
        routes=alone("null"),
        wait=0.0,
        now=now,
    )


def open_groups(*groups: ReadyGroup) -> list[OpenGroup]:
    """What a first look finds open, of all numbers."""
    return [g for number in Openings().find(groups, LOOKED_AT) for g in number.groups]


def opening(found: ReadyGroup) -> Opening | None:
    """The opening of a group that must be open."""
    (only,) = open_groups(found)
    return only.opening


def test_a_group_is_open_until_its_quiet_hours_begin_and_carries_the_proof() -> None:
    assert opening(group()) == Opening(
        settings_version=1,
        since=EVENING,
        until=NINE_PM,
        start_by=LOOKED_AT + 2 * 3600,
        quiet_check="INSTANCE 21:00-08:00 America/New_York",
    )


def test_at_night_triggered_messages_are_left_out_and_mass_messages_are_not() -> None:
    groups = [group("*", now=NINE_PM), group("", now=NINE_PM)]
    assert open_groups(*groups) == [OpenGroup(UUID(int=1), 5, "", None, alone("null"))]
    assert Openings().find(groups[:1], LOOKED_AT) == []


def test_without_quiet_hours_everything_is_open_for_ever_and_nothing_is_proved() -> None:
    found = opening(group(hours=None, now=NINE_PM))
    assert found is not None
    assert (found.until, found.quiet_check) == (NEVER, None)
    assert found.start_by > LOOKED_AT + 1e9


@pytest.mark.parametrize(
    ("zones", "quiet_from"),
    [
        ("America/New_York", NINE_PM),
        ("America/Chicago", TEN_PM),
        ("America/Chicago,America/New_York", NINE_PM),
        ("*", NINE_PM),
    ],
)
def test_by_the_recipients_clock_every_zone_of_a_number_counts(
    zones: str, quiet_from: datetime
) -> None:
    found = opening(group(zones, hours=BY_RECIPIENT))
    assert found is not None and found.until == quiet_from
    names = "America/New_York" if zones == "*" else zones
    assert found.quiet_check == f"RECIPIENT 21:00-08:00 {names}"
    assert open_groups(group(zones, hours=BY_RECIPIENT, now=quiet_from)) == []


def test_a_number_in_two_zones_is_released_when_it_is_quiet_in_neither() -> None:
    eight_in_new_york = datetime(2027, 7, 2, 12, tzinfo=UTC)
    both = group("America/Chicago,America/New_York", hours=BY_RECIPIENT, now=eight_in_new_york)
    assert open_groups(both) == []
    later = eight_in_new_york + timedelta(hours=1)
    assert len(open_groups(replace(both, now=later))) == 1


def test_by_the_clock_of_the_instance_the_zone_of_the_recipient_does_not_count() -> None:
    found = opening(group("America/Chicago"))
    assert found is not None and found.until == NINE_PM


def test_triggered_goes_before_mass_and_of_those_what_waits_longest() -> None:
    groups = [
        group("", waits=9),
        group("America/Chicago", waits=1),
        group("America/Denver", waits=3),
        group("America/Phoenix", waits=2),
    ]
    zones = [found.zones for found in open_groups(*groups)]
    assert zones == ["America/Denver", "America/Phoenix", "America/Chicago", ""]


def test_each_number_comes_once_with_all_its_groups() -> None:
    groups = [group("*", number=1), group("", number=1), group("", number=2)]
    found = Openings().find(groups, LOOKED_AT)
    assert sorted((n.sending_number_id.int, len(n.groups)) for n in found) == [(1, 2), (2, 1)]


def test_what_was_found_is_believed_only_while_it_lasts() -> None:
    openings = Openings()

    def is_open(now: datetime, hours: QuietHours | None = NIGHT) -> bool:
        return bool(openings.find([group(now=now, hours=hours)], LOOKED_AT))

    second = timedelta(seconds=1)
    assert is_open(EVENING)
    assert is_open(NINE_PM - second)
    assert not is_open(NINE_PM)
    assert is_open(NINE_PM, QuietHours(time(22), time(8))), "the settings have changed"
    assert is_open(NINE_PM, None)
    assert not is_open(NINE_PM + second)
    assert is_open(NINE_PM - 60 * second), "the clock was set back"
    assert not is_open(NINE_PM + timedelta(hours=3)), "the clock was set forward"
    assert is_open(NINE_PM + timedelta(hours=11))


def test_an_opening_begins_where_it_was_seen_to_be_open() -> None:
    openings = Openings()
    for seconds in (0, 60):
        ((found,),) = [
            number.groups
            for number in openings.find(
                [group(now=EVENING + timedelta(seconds=seconds))], LOOKED_AT + seconds
            )
        ]
        assert found.opening is not None
        assert found.opening.since == EVENING
        assert found.opening.start_by == LOOKED_AT + 2 * 3600


def test_a_zone_that_nobody_knows_holds_its_messages_and_no_others() -> None:
    groups = [group("America/Atlantis", hours=BY_RECIPIENT), group("*", hours=BY_RECIPIENT)]
    assert [found.zones for found in open_groups(*groups)] == ["*"]
