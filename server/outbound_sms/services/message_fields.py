"""How messages look in answers. The columns are those of the statements in `messages.sql`."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.domain.message_hold import HoldRules
from outbound_sms.domain.reason import REASONS
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.services.message_hold import show_evidence, show_hold
from outbound_sms.store.messages import Row, read_hold_rules
from outboundsms.v1 import body_pb2, delivery_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENTITIES = ("account_id", "network_site_id", "vendor_id")


def show_message(row: Row, rules: HoldRules) -> delivery_pb2.Message:
    """A message without its body. `rules` are those of its instance."""
    shown = delivery_pb2.Message(
        message_id=str(row["id"]),
        phone_number=row["phone"],
        status=row["status"],
        version=row["version"],
        kind=row["kind"],
        billable_segments=row["billable_segments"],
        carrier_segments=row["carrier_segments"],
        cost_micros=row["cost_micros"],
        currency=row["currency"],
        sending_number_id=str(row["sending_number_id"]),
        price_list_version=row["price_list_version"] or 0,
    )
    set_time(shown.create_time, row["create_time"])
    if row["contact_id"] is not None:
        shown.contact_id = str(row["contact_id"])
        shown.recipient_name = row["recipient_name"]
        shown.contact_type = row["role"] or "Primary"
    if row["mass_message_id"] is not None:
        shown.mass_message_id = str(row["mass_message_id"])
    if row["triggered_message_id"] is not None:
        shown.triggered_message_id = str(row["triggered_message_id"])
    for entity in _ENTITIES:
        if row[entity] is not None:
            setattr(shown.related_entity, entity, str(row[entity]))
            shown.related_entity.name = row["related_name"]
            break
    if row["reject_reason"] is not None:
        show_reason(shown.reject_reason, row["reject_reason"], row["carrier_code"])
    show_hold(shown, row, rules)
    show_evidence(shown, row, rules.time_zone)
    return shown


def show_details(row: Row) -> delivery_pb2.GetMessageResponse:
    """A message with everything about it."""
    answer = delivery_pb2.GetMessageResponse(message=show_message(row, read_hold_rules(row)))
    _show_body(answer.body, row)
    if row["versions"] is not None:
        for version, status, reason, moment in zip(
            row["versions"], row["statuses"], row["reasons"], row["times"], strict=True
        ):
            change = answer.history.add(version=version, status=status)
            set_time(change.event_time, moment)
            if reason is not None:
                show_reason(change.reject_reason, reason, None)
    if row["numbers"] is not None:
        _show_attempts(answer, row)
    return answer


def show_reason(shown: delivery_pb2.RejectReason, key: str, carrier_code: str | None) -> None:
    """Fills in a reason by its `GROUP.CODE`; one that this version does not know lacks its text."""
    shown.group, _, shown.code = key.partition(".")
    known = REASONS.get(key)
    if known is not None:
        shown.text = known.text
    if carrier_code is not None:
        shown.carrier_code = carrier_code


def set_time(shown: Timestamp, moment: datetime) -> None:
    """Sets a time exactly; several times faster than `FromDatetime`, which matters on streams."""
    since = moment - _EPOCH
    shown.seconds = since.days * 86_400 + since.seconds
    shown.nanos = since.microseconds * 1_000


def _show_body(shown: body_pb2.RenderedBody, row: Row) -> None:
    shown.text = row["body_text"]
    shown.encoding = row["body_encoding"]
    shown.characters = row["body_characters"]
    shown.billable_segments = row["body_billable_segments"]
    shown.carrier_segments = row["body_carrier_segments"]
    shown.cost_micros = row["cost_micros"]
    shown.currency = row["currency"]
    if row["body_encoding"] == Encoding.UCS2:
        for each in count_segments(row["body_text"]).offending:
            shown.offending_characters.add(
                character=each.character,
                name=each.name,
                first_index=each.index,
                count=each.count,
            )


def _show_attempts(answer: delivery_pb2.GetMessageResponse, row: Row) -> None:
    columns = ("numbers", "carriers", "outcomes", "carrier_ids", "attempt_reasons", "codes")
    times = ("submit_times", "settle_times")
    for number, carrier, outcome, carrier_id, reason, code, submitted, settled in zip(
        *(row[column] for column in (*columns, *times)), strict=True
    ):
        attempt = answer.attempts.add(number=number, carrier=carrier, outcome=outcome)
        if carrier_id is not None:
            attempt.carrier_message_id = carrier_id
        if reason is not None:
            show_reason(attempt.reason, reason, code)
        set_time(attempt.submit_time, submitted)
        set_time(attempt.settle_time, settled)
