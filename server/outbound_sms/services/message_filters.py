"""Reads what ListMessages and GetDeliveryStats are asked for, and all that is wrong in it."""

from datetime import datetime, timedelta
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.phone import PhoneRefused, parse_phone
from outbound_sms.domain.reason import REASONS
from outbound_sms.rpc.fields import check_enum, parse_id, to_datetime
from outbound_sms.store.messages import MessageFilter
from outboundsms.v1 import delivery_pb2

_DEFAULT_SPAN = timedelta(hours=24)
_LONGEST_SPAN = timedelta(days=31)


def read_filter(request: delivery_pb2.ListMessagesRequest, country: str | None) -> MessageFilter:
    """The filters of a list. `country` is where phone numbers without a + are from.

    Raises InvalidRequest.
    """
    violations = Violations()
    for status in request.statuses:
        if status:
            check_enum(violations, "statuses", status, delivery_pb2.MessageStatus)
    if request.kind:
        check_enum(violations, "kind", request.kind, delivery_pb2.MessageKind)
    start, end = _read_times(violations, request)
    reason = request.reject_reason
    if reason and reason not in REASONS:
        violations.add(
            "reject_reason", "is not a reject reason; give GROUP.CODE as messages show it"
        )
    wanted = MessageFilter(
        # An unspecified status is any, so it makes the others needless.
        statuses=[] if 0 in request.statuses else list(request.statuses),
        kind=request.kind or None,
        mass_message_id=_read_id(violations, "mass_message_id", request.mass_message_id),
        triggered_message_id=_read_id(
            violations, "triggered_message_id", request.triggered_message_id
        ),
        account_id=_read_id(violations, "account_id", request.account_id),
        contact_id=_read_id(violations, "contact_id", request.contact_id),
        phone=_read_phone(violations, request.phone_number, country),
        start=start,
        end=end,
        reject_reason=reason or None,
    )
    violations.raise_if_any()
    return wanted


def read_span(
    request: delivery_pb2.GetDeliveryStatsRequest, now: datetime
) -> tuple[datetime, datetime]:
    """The span to count over. Raises InvalidRequest."""
    violations = Violations()
    start, end = _read_times(violations, request)
    violations.raise_if_any()
    end = end or now
    start = start or end - _DEFAULT_SPAN
    if start >= end:
        violations.add("start_time", "is not before the end; the end is now unless end_time is set")
    elif end - start > _LONGEST_SPAN:
        violations.add("start_time", "is more than 31 days before the end; ask for less at a time")
    violations.raise_if_any()
    return start, end


def _read_times(
    violations: Violations,
    request: delivery_pb2.ListMessagesRequest | delivery_pb2.GetDeliveryStatsRequest,
) -> tuple[datetime | None, datetime | None]:
    given = [
        to_datetime(violations, field, getattr(request, field) if request.HasField(field) else None)
        for field in ("start_time", "end_time")
    ]
    start, end = given
    if start is not None and end is not None and start >= end:
        violations.add("end_time", "is not after start_time; give a later one")
    return start, end


def _read_id(violations: Violations, field: str, value: str) -> UUID | None:
    return parse_id(violations, field, value, required=False)


def _read_phone(violations: Violations, raw: str, country: str | None) -> str | None:
    if not raw:
        return None
    try:
        return parse_phone(raw, country).e164
    except PhoneRefused as error:
        violations.add("phone_number", error.text)
        return None
