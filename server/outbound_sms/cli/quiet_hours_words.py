"""Quiet hours in words: those of the instance, and those that a message kept."""

from collections.abc import Mapping
from datetime import UTC
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

from outboundsms.v1 import delivery_pb2, quiet_hours_pb2

MODES: Mapping[str, quiet_hours_pb2.QuietHoursMode.ValueType] = {
    "instance": quiet_hours_pb2.QUIET_HOURS_MODE_INSTANCE,
    "recipient": quiet_hours_pb2.QUIET_HOURS_MODE_RECIPIENT,
}
_SOURCES: Mapping[int, str] = {
    delivery_pb2.TIME_ZONE_SOURCE_CONTACT: "the contact's time zone",
    delivery_pb2.TIME_ZONE_SOURCE_REGION: "the region of the account",
    delivery_pb2.TIME_ZONE_SOURCE_NUMBER: "the phone number",
    delivery_pb2.TIME_ZONE_SOURCE_INSTANCE: "the instance's time zone",
}


def hours_in_words(hours: quiet_hours_pb2.QuietHours) -> str:
    """When it is quiet and by whose clock; `none` without quiet hours."""
    if not hours.start_time:
        return "none"
    return f"{hours.start_time} to {hours.end_time}, {_clock(hours.mode, hours.time_zone)}"


def force_in_words(hours: quiet_hours_pb2.QuietHours) -> str:
    """Whether it is quiet now in the instance's time zone, and when that changes."""
    if not hours.start_time:
        return "never"
    changes = hours.HasField("change_time")
    moment = in_zone(hours.change_time, hours.time_zone) if changes else ""
    if hours.in_force:
        return f"yes, until {moment}" if changes else "yes"
    return f"no, next from {moment}" if changes else "no"


def evidence_in_words(evidence: delivery_pb2.QuietHoursEvidence) -> str:
    """Where the recipient may be, and which quiet hours the message kept when it went out."""
    zones = ", ".join(evidence.recipient_time_zones)
    known = f"recipient in {zones}, told by {_SOURCES.get(evidence.source, 'something else')}"
    if not evidence.start_time:
        return known
    checked = ", ".join(evidence.checked_time_zones)
    clock = "the recipient's" if _is_recipient(evidence.mode) else "the instance's"
    return (
        f"{known}; handed over when it was not quiet in {checked} "
        f"({evidence.start_time} to {evidence.end_time} by {clock} clock)"
    )


def in_zone(stamp: Timestamp, time_zone: str) -> str:
    """The moment by the clock of a time zone, with its offset."""
    moment = stamp.ToDatetime(UTC).astimezone(ZoneInfo(time_zone))
    return moment.strftime("%Y-%m-%d %H:%M %z")


def _clock(mode: int, time_zone: str) -> str:
    if _is_recipient(mode):
        return "by each recipient's clock"
    return f"by the clock of the instance ({time_zone})"


def _is_recipient(mode: int) -> bool:
    return mode == quiet_hours_pb2.QUIET_HOURS_MODE_RECIPIENT
