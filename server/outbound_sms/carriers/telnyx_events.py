"""Reading the events that Telnyx calls us with: what became of a message, and texts to our numbers.

Source: Telnyx, "Receiving webhooks for messaging", and the models of its Python library.
"""

from typing import Any

import structlog

from outbound_sms.carriers import telnyx_codes
from outbound_sms.carriers.callback_fields import E164, MESSAGE_ID, printable_code, storable
from outbound_sms.carriers.carrier import (
    Inbound,
    MalformedInbound,
    MalformedReceipt,
    Receipt,
    ReceiptState,
)
from outbound_sms.carriers.http_submission import read_object

_log = structlog.get_logger(__name__)

_OUTBOUND_EVENTS = frozenset({"message.sent", "message.finalized", "message.read"})
_INBOUND_EVENTS = frozenset({"message.received"})


class _Malformed(ValueError):
    """Which field is not as documented."""


def read_receipt(body: bytes) -> Receipt:
    """What an event says of a message of ours. Raises `MalformedReceipt` for anything else."""
    try:
        payload = _payload(body, _OUTBOUND_EVENTS)
        message_id = _message_id(payload)
        status = _recipient(payload).get("status")
        state = telnyx_codes.STATES.get(status) if isinstance(status, str) else None
        if state is None:
            raise _Malformed("payload.to.status is not a status of an outbound message")
    except _Malformed as error:
        raise MalformedReceipt(str(error)) from None
    code = first_code(payload)
    if state not in (ReceiptState.UNDELIVERED, ReceiptState.FAILED):
        return Receipt(message_id, state, None, code)
    return Receipt(message_id, state, _reason(status, code), code)


def read_text(body: bytes) -> Inbound:
    """A text to a number of ours. Raises `MalformedInbound` for every other event.

    Where a picture was sent to several numbers, the first of them is taken for ours.
    """
    try:
        payload = _payload(body, _INBOUND_EVENTS)
        message_id = _message_id(payload)
        sender = _phone_number(payload.get("from"), "payload.from")
        recipient = _phone_number(_first(payload.get("to")), "payload.to")
        text = payload.get("text")
        if text is None and payload.get("type") == "MMS":
            text = ""
        if not isinstance(text, str):
            raise _Malformed("payload.text is missing, or is not a text")
    except _Malformed as error:
        raise MalformedInbound(str(error)) from None
    return Inbound(message_id, sender, recipient, storable(text))


def first_code(answer: dict[str, Any]) -> str | None:
    """The code of the first of `errors` that has one, of an answer or of an event."""
    errors = answer.get("errors")
    for error in errors if isinstance(errors, list) else []:
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**9:
            code = str(code)
        if isinstance(code, str) and printable_code(code):
            return printable_code(code)
    return None


def _payload(body: bytes, events: frozenset[str]) -> dict[str, Any]:
    event = read_object(body).get("data")
    if not isinstance(event, dict):
        raise _Malformed("data is missing")
    kind = event.get("event_type")
    if not isinstance(kind, str) or kind not in events:
        raise _Malformed("event_type is not one that is expected here")
    payload = event.get("payload")
    if not isinstance(payload, dict):
        raise _Malformed("payload is missing")
    return payload


def _message_id(payload: dict[str, Any]) -> str:
    message_id = payload.get("id")
    if not isinstance(message_id, str) or not MESSAGE_ID.fullmatch(message_id):
        raise _Malformed("payload.id is missing, or is not an id")
    return message_id


def _recipient(payload: dict[str, Any]) -> dict[str, Any]:
    recipients = payload.get("to")
    if (
        not isinstance(recipients, list)
        or len(recipients) != 1
        or not isinstance(recipients[0], dict)
    ):
        raise _Malformed("payload.to is not one recipient")
    recipient: dict[str, Any] = recipients[0]
    return recipient


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


def _phone_number(party: object, name: str) -> str:
    number = party.get("phone_number") if isinstance(party, dict) else None
    if not isinstance(number, str) or not E164.fullmatch(number):
        raise _Malformed(f"{name} is missing, or is not a phone number")
    return number


def _reason(status: object, code: str | None) -> str:
    if code is None:
        return telnyx_codes.EXPIRED if status == "expired" else telnyx_codes.UNKNOWN
    known = telnyx_codes.REASONS.get(code)
    if known is None:
        _log.error("carrier_code_unknown", status=status, carrier_code=code)
    return known or telnyx_codes.UNKNOWN
