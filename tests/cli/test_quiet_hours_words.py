"""Quiet hours in words."""

from datetime import UTC, datetime

from outbound_sms.cli.quiet_hours_words import evidence_in_words, force_in_words, hours_in_words
from outboundsms.v1 import delivery_pb2, quiet_hours_pb2


def hours(**given: object) -> quiet_hours_pb2.QuietHours:
    found = quiet_hours_pb2.QuietHours(
        start_time="21:00",
        end_time="08:00",
        mode=quiet_hours_pb2.QUIET_HOURS_MODE_INSTANCE,
        time_zone="America/Toronto",
    )
    found.change_time.FromDatetime(datetime(2026, 11, 24, 2, 0, tzinfo=UTC))
    found.MergeFrom(quiet_hours_pb2.QuietHours(**given))  # type: ignore[arg-type]
    return found


def test_the_window_and_whose_clock() -> None:
    assert hours_in_words(hours()) == (
        "21:00 to 08:00, by the clock of the instance (America/Toronto)"
    )
    recipient = hours(mode=quiet_hours_pb2.QUIET_HOURS_MODE_RECIPIENT)
    assert hours_in_words(recipient) == "21:00 to 08:00, by each recipient's clock"
    assert hours_in_words(quiet_hours_pb2.QuietHours(time_zone="UTC")) == "none"


def test_times_are_told_by_the_clock_of_the_instance() -> None:
    assert force_in_words(hours()) == "no, next from 2026-11-23 21:00 -0500"
    assert force_in_words(hours(in_force=True)) == "yes, until 2026-11-23 21:00 -0500"
    assert force_in_words(quiet_hours_pb2.QuietHours()) == "never"


def test_the_evidence_has_the_zones_their_source_and_the_hours_kept() -> None:
    evidence = delivery_pb2.QuietHoursEvidence(
        recipient_time_zones=["America/Chicago", "America/Denver"],
        source=delivery_pb2.TIME_ZONE_SOURCE_NUMBER,
    )
    waiting = "recipient in America/Chicago, America/Denver, told by the phone number"
    assert evidence_in_words(evidence) == waiting
    evidence.start_time, evidence.end_time = "21:00", "08:00"
    evidence.mode = quiet_hours_pb2.QUIET_HOURS_MODE_RECIPIENT
    evidence.checked_time_zones.extend(evidence.recipient_time_zones)
    assert evidence_in_words(evidence) == (
        f"{waiting}; handed over when it was not quiet in America/Chicago, America/Denver "
        "(21:00 to 08:00 by the recipient's clock)"
    )


def test_every_source_of_a_time_zone_has_its_words() -> None:
    for source in set(delivery_pb2.TimeZoneSource.values()) - {0}:
        evidence = delivery_pb2.QuietHoursEvidence(recipient_time_zones=["UTC"], source=source)
        assert "something else" not in evidence_in_words(evidence)
