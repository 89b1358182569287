"""What the state of a message at an SMSC means, in the words of our taxonomy. Data only.

Sources: SMPP 3.4, 5.2.28 (message_state), appendix B (the words of a receipt's text) and 5.3.2.31
(network_error_code); 3GPP TS 29.002, 17.6 (the errors of GSM networks).
"""

from collections.abc import Mapping
from enum import IntEnum

from outbound_sms.carriers.carrier import ReceiptState


class MessageState(IntEnum):
    """The parameter message_state."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


WORDS: Mapping[str, MessageState] = {
    "ENROUTE": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    # Some SMSCs write the words out.
    "DELIVERED": MessageState.DELIVERED,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "ACCEPTED": MessageState.ACCEPTED,
    "REJECTED": MessageState.REJECTED,
}

STATES: Mapping[MessageState, ReceiptState] = {
    MessageState.ENROUTE: ReceiptState.SENT,
    MessageState.DELIVERED: ReceiptState.DELIVERED,
    MessageState.EXPIRED: ReceiptState.UNDELIVERED,
    MessageState.DELETED: ReceiptState.FAILED,
    MessageState.UNDELIVERABLE: ReceiptState.UNDELIVERED,
    MessageState.ACCEPTED: ReceiptState.SENT,
    # The SMSC has lost sight of it: it was sent, and nobody will confirm more than that.
    MessageState.UNKNOWN: ReceiptState.SENT,
    MessageState.REJECTED: ReceiptState.FAILED,
}

REASONS: Mapping[MessageState, str] = {
    MessageState.EXPIRED: "EXPIRY.VALIDITY",
    MessageState.DELETED: "POLICY.CANCELLED",
    MessageState.REJECTED: "CARRIER.BLOCKED",
}
"""Why, where the state itself says so. UNDELIVERABLE does not: it may be anything."""

GSM = 3
"""The network type of `GSM_REASONS` in network_error_code."""

GSM_REASONS: Mapping[int, str] = {
    1: "NUMBER.UNKNOWN_HANDSET",
    5: "NUMBER.UNKNOWN_HANDSET",
    6: "NUMBER.UNREACHABLE",
    9: "CARRIER.BLOCKED",
    11: "NUMBER.LANDLINE_OR_UNROUTABLE",
    13: "CARRIER.BLOCKED",
    21: "NUMBER.LANDLINE_OR_UNROUTABLE",
    27: "NUMBER.UNREACHABLE",
    31: "NUMBER.UNREACHABLE",
    34: "CARRIER.SYSTEM_ERROR",
}

UNKNOWN_REASON = "UNKNOWN.OTHER"
