"""Sending numbers as they are sent and received."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.phone import PhoneRefused, parse_phone, textable_country
from outbound_sms.domain.sending_number import (
    FASTEST_RATE,
    CarrierRoute,
    KeywordReplies,
    SendingNumber,
    SendingNumberChange,
    main_carrier,
)
from outbound_sms.rpc.fields import check_enum, to_timestamp
from outbound_sms.services import carrier_route_fields
from outbound_sms.services.carrier_route_fields import check_known
from outboundsms.v1 import settings_pb2

CHANGEABLE = frozenset(
    {"carrier", "routes", "segments_per_second", "keyword_replies", "is_default", "disabled"}
)


@dataclass(frozen=True, slots=True)
class NewSendingNumber:
    """A number to create, checked."""

    e164: str
    carrier: str
    segments_per_second: float
    keyword_replies: KeywordReplies
    is_default: bool
    enabled: bool
    routes: tuple[CarrierRoute, ...]


def read_new(given: settings_pb2.SendingNumber, carriers: Collection[str]) -> NewSendingNumber:
    """The number to create. Raises InvalidRequest with all that is wrong."""
    violations = Violations()
    e164 = _read_number(violations, given.number)
    routes = carrier_route_fields.read(violations, given, carriers, with_carrier=True)
    if not given.routes:
        check_known(violations, _CARRIER_FIELD, given.carrier, carriers)
    _check_rate(violations, given.segments_per_second)
    replies = given.keyword_replies or settings_pb2.KEYWORD_REPLIES_US
    known = check_enum(violations, _KEYWORD_FIELD, replies, settings_pb2.KeywordReplies)
    violations.raise_if_any()
    return NewSendingNumber(
        e164=e164,
        carrier=main_carrier(routes) if routes else given.carrier,
        segments_per_second=given.segments_per_second,
        keyword_replies=KeywordReplies(replies) if known else KeywordReplies.US,
        is_default=given.is_default,
        enabled=not given.disabled,
        routes=routes,
    )


def read_change(
    violations: Violations,
    given: settings_pb2.SendingNumber,
    mask: frozenset[str],
    carriers: Collection[str],
) -> SendingNumberChange:
    """What the mask asks to change; worth using only when there is no violation."""
    replies = None
    carrier, routes = _read_carriers(violations, given, mask, carriers)
    if "segments_per_second" in mask:
        _check_rate(violations, given.segments_per_second)
    if "keyword_replies" in mask and check_enum(
        violations, _KEYWORD_FIELD, given.keyword_replies, settings_pb2.KeywordReplies
    ):
        replies = KeywordReplies(given.keyword_replies)
    return SendingNumberChange(
        carrier=carrier,
        segments_per_second=given.segments_per_second if "segments_per_second" in mask else None,
        keyword_replies=replies,
        is_default=given.is_default if "is_default" in mask else None,
        enabled=not given.disabled if "disabled" in mask else None,
        routes=routes,
    )


def show(number: SendingNumber) -> settings_pb2.SendingNumber:
    """The number as the contract has it."""
    return settings_pb2.SendingNumber(
        sending_number_id=str(number.id),
        number=number.e164,
        carrier=number.carrier,
        segments_per_second=number.segments_per_second,
        keyword_replies=settings_pb2.KeywordReplies.ValueType(number.keyword_replies),
        is_default=number.is_default,
        disabled=not number.enabled,
        etag=str(number.version),
        create_time=to_timestamp(number.create_time),
        routes=carrier_route_fields.show(number.routes),
    )


_CARRIER_FIELD = "sending_number.carrier"
_KEYWORD_FIELD = "sending_number.keyword_replies"


def _read_number(violations: Violations, raw: str) -> str:
    field = "sending_number.number"
    try:
        phone = parse_phone(raw, None)
    except PhoneRefused as refused:
        violations.add(field, refused.text)
        return ""
    if not textable_country(phone.country):
        violations.add(field, "is not a number of the US or Canada; give one that is")
    elif phone.is_premium:
        violations.add(field, "is a premium number; give one that texts may come from")
    if phone.extension:
        violations.add(field, "has an extension; give the number alone")
    return phone.e164


def _read_carriers(
    violations: Violations,
    given: settings_pb2.SendingNumber,
    mask: frozenset[str],
    carriers: Collection[str],
) -> tuple[str | None, tuple[CarrierRoute, ...] | None]:
    """The new carrier and routes, None where they stay. A carrier alone ends the routes."""
    named = "carrier" in mask
    if "routes" not in mask or (named and not given.routes):
        if named:
            check_known(violations, _CARRIER_FIELD, given.carrier, carriers)
        return (given.carrier, ()) if named else (None, None)
    routes = carrier_route_fields.read(violations, given, carriers, with_carrier=named)
    return main_carrier(routes) if routes else None, routes


def _check_rate(violations: Violations, rate: float) -> None:
    if not (math.isfinite(rate) and 0 < rate <= FASTEST_RATE):
        violations.add(
            "sending_number.segments_per_second", "must be more than 0 and at most 100,000"
        )
