"""Why a message waits, and which quiet hours it kept. The columns are those of `messages.sql`."""

from outbound_sms.domain.message_hold import HoldRules, find_hold
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.domain.quiet_check import parse_quiet_check
from outbound_sms.domain.recipient_zone import zone_names
from outbound_sms.store.messages import Row
from outboundsms.v1 import delivery_pb2, quiet_hours_pb2


def show_hold(shown: delivery_pb2.Message, row: Row, rules: HoldRules) -> None:
    """Fills in what holds the message, unless nothing does or it is past waiting."""
    if row["status"] != MessageStatus.PENDING:
        return
    hold = find_hold(
        rules,
        number_enabled=row["number_enabled"],
        mass_message_paused=bool(row["mass_message_paused"]),
        recipient_key=row["recipient_zones"],
        keyword_reply=row["kind"] == delivery_pb2.MESSAGE_KIND_KEYWORD_REPLY,
        prefix_until=row["prefix_until"],
    )
    if hold is None:
        return
    shown.hold.reason = delivery_pb2.HoldReason.ValueType(hold.reason)
    shown.hold.text = hold.text
    if hold.release_time is not None:
        shown.hold.release_time.FromDatetime(hold.release_time)


def show_evidence(shown: delivery_pb2.Message, row: Row, time_zone: str) -> None:
    """Fills in how quiet hours were kept, for a triggered message. `time_zone`: the instance's."""
    if row["recipient_zones"] is None:
        return
    evidence = shown.quiet_hours_evidence
    evidence.recipient_time_zones.extend(zone_names(row["recipient_zones"], time_zone))
    evidence.source = row["zone_source"]
    if row["quiet_check"] is not None:
        check = parse_quiet_check(row["quiet_check"])
        evidence.start_time = f"{check.hours.start:%H:%M}"
        evidence.end_time = f"{check.hours.end:%H:%M}"
        evidence.mode = quiet_hours_pb2.QuietHoursMode.ValueType(check.hours.mode)
        evidence.checked_time_zones.extend(check.zones)
