"""What keeps a Pending message back, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from outbound_sms.domain.message_hold import Hold, HoldReason, HoldRules, find_hold
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode

NIGHT = QuietHours(time(21), time(8))
# 22:00 in New York, on the night on which its clocks go forward.
LATE = datetime(2026, 3, 8, 3, 0, tzinfo=UTC)
RULES = HoldRules(sms_enabled=True, quiet_hours=NIGHT, time_zone="America/New_York", now=LATE)
BY_RECIPIENT = replace(RULES, quiet_hours=replace(NIGHT, mode=QuietMode.RECIPIENT))


def hold_of(
    rules: HoldRules = RULES,
    *,
    number_enabled: bool = True,
    mass_message_paused: bool = False,
    recipient_key: str | None = "*",
) -> Hold | None:
    return find_hold(
        rules,
        number_enabled=number_enabled,
        mass_message_paused=mass_message_paused,
        recipient_key=recipient_key,
    )


def test_quiet_hours_hold_until_they_end_by_the_clock_of_the_instance() -> None:
    assert hold_of() == Hold(
        HoldReason.QUIET_HOURS,
        datetime(2026, 3, 8, 12, 0, tzinfo=UTC),
        "Quiet hours until Mar 8 8:00 AM EDT.",
    )


def test_nothing_holds_a_message_outside_quiet_hours_or_without_them() -> None:
    assert hold_of(replace(RULES, now=datetime(2026, 3, 8, 1, 59, 59, tzinfo=UTC))) is None
    assert hold_of(replace(RULES, now=datetime(2026, 3, 8, 12, 0, tzinfo=UTC))) is None
    assert hold_of(replace(RULES, quiet_hours=None)) is None


def test_quiet_hours_hold_triggered_messages_only() -> None:
    assert hold_of(recipient_key=None) is None


def test_the_clock_of_the_recipient_counts_where_that_is_the_mode() -> None:
    """22:00 in New York is 19:00 in Los Angeles."""
    assert hold_of(BY_RECIPIENT, recipient_key="America/Los_Angeles") is None
    assert hold_of(RULES, recipient_key="America/Los_Angeles") is not None
    two = hold_of(BY_RECIPIENT, recipient_key="America/Chicago,America/New_York")
    # 8:00 in Chicago, told by the clock of the instance.
    assert two == Hold(
        HoldReason.QUIET_HOURS,
        datetime(2026, 3, 8, 13, 0, tzinfo=UTC),
        "Quiet hours of the recipient until Mar 8 9:00 AM EDT.",
    )
    assert hold_of(BY_RECIPIENT) == replace(
        hold_of(RULES) or two, text="Quiet hours of the recipient until Mar 8 8:00 AM EDT."
    )


def test_zones_that_are_never_open_together_are_told_from_a_night() -> None:
    hours = QuietHours(time(20), time(8), QuietMode.RECIPIENT)
    winter = datetime(2026, 1, 8, 3, 0, tzinfo=UTC)
    half_a_day = replace(RULES, quiet_hours=hours, now=winter)
    held = hold_of(half_a_day, recipient_key="America/New_York,Asia/Bangkok")
    assert held is not None
    assert (held.reason, held.release_time) == (HoldReason.QUIET_HOURS, None)
    assert "give the contact its time zone" in held.text


def test_the_wait_for_a_top_up_holds_every_kind_until_it_ends_at_the_latest() -> None:
    until = LATE + timedelta(minutes=7)
    waiting = replace(RULES, waits_until=until)
    assert hold_of(waiting, recipient_key=None) == Hold(
        HoldReason.TOP_UP,
        until,
        "The money does not do; it waits for an automatic top-up until Mar 7 10:07 PM EST at the "
        "latest.",
    )
    assert hold_of(replace(waiting, now=until), recipient_key=None) is None


def test_of_quiet_hours_and_a_top_up_the_one_that_lasts_longer_is_told() -> None:
    until = LATE + timedelta(minutes=7)
    assert hold_of(replace(RULES, waits_until=until)) == hold_of()
    ends = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    held = hold_of(replace(RULES, waits_until=ends + timedelta(minutes=1)))
    assert held is not None and held.reason is HoldReason.TOP_UP
    never_open = replace(
        RULES,
        quiet_hours=QuietHours(time(20), time(8), QuietMode.RECIPIENT),
        now=datetime(2026, 1, 8, 3, 0, tzinfo=UTC),
        waits_until=datetime(2026, 1, 8, 3, 5, tzinfo=UTC),
    )
    held = hold_of(never_open, recipient_key="America/New_York,Asia/Bangkok")
    assert held is not None and (held.reason, held.release_time) == (HoldReason.QUIET_HOURS, None)


@pytest.mark.parametrize("waits_until", [None, LATE + timedelta(minutes=7)])
@pytest.mark.parametrize("key", [None, "*"])
def test_what_somebody_has_to_end_is_told_before_what_ends_by_itself(
    key: str | None, waits_until: datetime | None
) -> None:
    """Each of them alone would hold it: the first is told, whatever else holds it too."""
    rules = replace(RULES, waits_until=waits_until)
    off = replace(rules, sms_enabled=False)
    found = [
        hold_of(off, number_enabled=False, mass_message_paused=True, recipient_key=key),
        hold_of(rules, number_enabled=False, mass_message_paused=True, recipient_key=key),
        hold_of(rules, mass_message_paused=True, recipient_key=key),
    ]
    assert [each and each.reason for each in found] == [
        HoldReason.SMS_DISABLED,
        HoldReason.SENDING_NUMBER_DISABLED,
        HoldReason.MASS_MESSAGE_PAUSED,
    ]
    assert [each and each.release_time for each in found] == [None] * 3
    assert all(each and each.text.endswith("to release the message.") for each in found)


def test_a_limit_that_is_reached_holds_all_but_answers_to_keywords() -> None:
    until = LATE + timedelta(minutes=1)
    full = replace(RULES, limits_until=until)
    assert hold_of(full, recipient_key=None) == Hold(
        HoldReason.SENDING_LIMIT,
        until,
        "A sending limit of the instance is reached; there is room again from Mar 7 10:01 PM EST.",
    )
    assert hold_of(replace(full, now=until), recipient_key=None) is None
    waits = replace(full, waits_until=until)
    assert (
        find_hold(
            waits,
            number_enabled=True,
            mass_message_paused=False,
            recipient_key=None,
            keyword_reply=True,
        )
        is None
    )


def test_of_all_that_ends_by_itself_what_lasts_longest_is_told() -> None:
    ends = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    for lead in (timedelta(minutes=-1), timedelta(minutes=1)):
        rules = replace(RULES, limits_until=ends + lead, waits_until=LATE + timedelta(minutes=5))
        held = hold_of(rules)
        expected = HoldReason.SENDING_LIMIT if lead > timedelta() else HoldReason.QUIET_HOURS
        assert held is not None and held.reason is expected


def test_a_surge_holds_triggered_messages_until_somebody_resumes_them() -> None:
    paused = replace(RULES, surge_paused=True, limits_until=LATE + timedelta(days=1))
    held = hold_of(paused)
    assert held is not None and (held.reason, held.release_time) == (HoldReason.SURGE, None)
    held = hold_of(paused, recipient_key=None)
    assert held is not None and held.reason is HoldReason.SENDING_LIMIT
