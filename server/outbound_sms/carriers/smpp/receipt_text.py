"""What a deliver_sm brings: a delivery receipt, or the text of a person.

A receipt says what it is by esm_class (5.2.12), by optional parameters, or by nothing but the form
of its text (appendix B), and SMSCs do any of the three.
"""

import re
from collections.abc import Mapping

from outbound_sms.carriers.carrier import MalformedReceipt, Receipt, ReceiptState
from outbound_sms.carriers.smpp.address import e164_of
from outbound_sms.carriers.smpp.alphabet import UCS2_CODING, Alphabet, decode_text
from outbound_sms.carriers.smpp.long_message import UDH_INDICATOR
from outbound_sms.carriers.smpp.message_id import (
    LONGEST_MESSAGE_ID,
    MessageIds,
    receipt_id,
    response_id,
)
from outbound_sms.carriers.smpp.message_state import (
    GSM,
    GSM_REASONS,
    REASONS,
    STATES,
    UNKNOWN_REASON,
    WORDS,
    MessageState,
)
from outbound_sms.carriers.smpp.short_message import ShortMessage
from outbound_sms.carriers.smpp.tlv import Tag

__all__ = ["MessageIds", "read_receipt", "response_id", "text_of"]

_MESSAGE_TYPE = 0x3C
_ORDINARY, _DELIVERY_RECEIPT, _DELIVERY_ACKNOWLEDGEMENT, _INTERMEDIATE = 0x00, 0x04, 0x08, 0x20
_RECEIPT_TYPES = frozenset({_DELIVERY_RECEIPT, _DELIVERY_ACKNOWLEDGEMENT, _INTERMEDIATE})

_LONGEST_RECEIPT = 1024
"""Octets of a receipt's text that are read: the form has fewer than 200."""

_FIELD = re.compile(
    r"(?:\A|\s)(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)\s*:\s*", re.IGNORECASE
)
_USUAL = re.compile(
    r"id:(\S+) sub:\d* dlvrd:\d* submit date:\d* done date:\d* stat:([A-Z]+) err:(\w*)(?:\s|\Z)",
    re.ASCII,
)
_CODE = re.compile(r"[0-9A-Za-z]{1,16}(?!\S)")


def read_receipt(message: ShortMessage, ids: MessageIds) -> Receipt | None:
    """The receipt that a deliver_sm is, or None when it is a person's text.

    Optional parameters win over the text. An intermediate notification never settles a message: it
    is read as sent, whatever state it names. `carrier_code` is the text's `err`, or network type
    and error as `3:27`; an error of 0 is none.

    Raises `MalformedReceipt` for a receipt without an id or a state that can be read.
    """
    tlvs = message.tlvs
    kind = message.esm_class & _MESSAGE_TYPE
    declared = kind in _RECEIPT_TYPES or Tag.RECEIPTED_MESSAGE_ID in tlvs
    fields = _fields(message, declared)
    if fields is None:
        return None
    message_id = _message_id(tlvs, fields)
    state = _state(tlvs, fields)
    if not declared and (message_id is None or state is None):
        return None
    if message_id is None:
        raise MalformedReceipt("the receipt's message id is missing or cannot be read")
    if state is None:
        raise MalformedReceipt("the receipt's message state is missing or cannot be read")
    means = ReceiptState.SENT if kind == _INTERMEDIATE else STATES[state]
    network = _network_error(tlvs)
    failed = means in (ReceiptState.UNDELIVERED, ReceiptState.FAILED)
    return Receipt(
        carrier_message_id=receipt_id(message_id, ids),
        state=means,
        reason=_reason(state, network) if failed else None,
        carrier_code=_carrier_code(network, fields),
        recipient=e164_of(message.source),
        reference=_reference(tlvs),
    )


def text_of(message: ShortMessage, alphabet: Alphabet) -> str:
    """The text of a deliver_sm, without a user data header. Never raises."""
    return decode_text(message.data_coding, _user_data(message), alphabet)


def _user_data(message: ShortMessage) -> bytes:
    data = message.tlvs.get(Tag.MESSAGE_PAYLOAD) or message.short_message
    if message.esm_class & UDH_INDICATOR and data and data[0] < len(data):
        return data[data[0] + 1 :]
    # A header that is longer than the whole is none: an SMSC has set the bit by mistake.
    return data


def _fields(message: ShortMessage, declared: bool) -> Mapping[str, str] | None:
    """The fields of the text form by their names, in lower case; None for a person's text.

    A message that is not declared a receipt has to start with a field.
    """
    data = _user_data(message)[:_LONGEST_RECEIPT]
    wide = message.data_coding == UCS2_CODING
    text = data.decode("utf-16-be", "replace") if wide else data.decode("latin-1")
    if usual := _USUAL.match(text):
        return {"id": usual[1], "stat": usual[2], "err": usual[3]}
    text = text.strip()
    if not declared and not _FIELD.match(text):
        return None
    fields: dict[str, str] = {}
    name, start = "", 0
    for found in _FIELD.finditer(text):
        fields.setdefault(name, text[start : found.start()])
        name, start = found[1].lower(), found.end()
    fields.setdefault(name, text[start:])
    return fields


def _message_id(tlvs: Mapping[int, bytes], fields: Mapping[str, str]) -> str | None:
    """The id as the receipt gives it, or None when there is none that is one word of 64 at most."""
    given = tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1").strip()
    found = given or fields.get("id", "").strip()
    readable = 0 < len(found) <= LONGEST_MESSAGE_ID and found.isprintable() and " " not in found
    return found if readable else None


def _state(tlvs: Mapping[int, bytes], fields: Mapping[str, str]) -> MessageState | None:
    given = tlvs.get(Tag.MESSAGE_STATE)
    if given is not None and len(given) == 1 and given[0] in _NUMBERS:
        return _NUMBERS[given[0]]
    return WORDS.get(fields.get("stat", "").strip().upper())


_NUMBERS = {int(state): state for state in MessageState}


def _network_error(tlvs: Mapping[int, bytes]) -> tuple[int, int] | None:
    """The network type and its error, of three octets."""
    given = tlvs.get(Tag.NETWORK_ERROR_CODE)
    if given is None or len(given) != 3:
        return None
    return given[0], given[1] << 8 | given[2]


def _reason(state: MessageState, network: tuple[int, int] | None) -> str:
    found = REASONS.get(state)
    if found is None and network is not None and network[0] == GSM:
        found = GSM_REASONS.get(network[1])
    return found or UNKNOWN_REASON


def _carrier_code(network: tuple[int, int] | None, fields: Mapping[str, str]) -> str | None:
    if network is not None:
        return f"{network[0]}:{network[1]}" if network[1] else None
    code = _CODE.match(fields.get("err", ""))
    return code[0] if code is not None and code[0].strip("0") else None


def _reference(tlvs: Mapping[int, bytes]) -> int | None:
    given = tlvs.get(Tag.USER_MESSAGE_REFERENCE)
    return int.from_bytes(given, "big") if given is not None and len(given) == 2 else None
