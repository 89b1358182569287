"""What the codes and statuses of the Twilio API mean. Data only, in the words of our taxonomy.

Source: Twilio's "Error and warning dictionary" and "Message status" pages.
"""

from collections.abc import Mapping

from outbound_sms.carriers.carrier import ReceiptState

REASONS: Mapping[int, str] = {
    20003: "ACCOUNT.AUTH",
    20005: "ACCOUNT.SUSPENDED",
    20404: "ACCOUNT.AUTH",
    20429: "CARRIER.THROTTLED",
    14107: "CARRIER.THROTTLED",
    21211: "NUMBER.INVALID",
    21212: "SENDER.INVALID",
    21408: "NUMBER.REGION_NOT_ALLOWED",
    21602: "CONTENT.EMPTY",
    21603: "SENDER.INVALID",
    21604: "NUMBER.INVALID",
    21605: "CONTENT.TOO_LONG",
    21606: "SENDER.NOT_OWNED",
    21610: "POLICY.OPTED_OUT",
    21611: "SENDER.QUEUE_FULL",
    21612: "NUMBER.LANDLINE_OR_UNROUTABLE",
    21614: "NUMBER.INVALID",
    21617: "CONTENT.TOO_LONG",
    21619: "CONTENT.EMPTY",
    21635: "NUMBER.LANDLINE_OR_UNROUTABLE",
    21659: "SENDER.NOT_OWNED",
    21703: "SENDER.INVALID",
    30001: "SENDER.QUEUE_FULL",
    30002: "ACCOUNT.SUSPENDED",
    30003: "NUMBER.UNREACHABLE",
    30004: "CARRIER.BLOCKED",
    30005: "NUMBER.UNKNOWN_HANDSET",
    30006: "NUMBER.LANDLINE_OR_UNROUTABLE",
    30007: "CONTENT.FILTERED_SPAM",
    30008: "CARRIER.SYSTEM_ERROR",
    30017: "CARRIER.CONGESTION",
    30020: "CARRIER.SYSTEM_ERROR",
    30021: "CARRIER.SYSTEM_ERROR",
    30022: "CARRIER.THROTTLED",
    30023: "CARRIER.DAILY_CAP",
    30024: "SENDER.UNREGISTERED",
    30027: "CARRIER.DAILY_CAP",
    30032: "SENDER.UNREGISTERED",
    30034: "SENDER.UNREGISTERED",
    30036: "EXPIRY.VALIDITY",
    # Twilio gave up waiting for the carrier behind it and does not retry, to avoid a second text.
    30410: "UNCERTAIN.OUTCOME_UNKNOWN",
}

UNAUTHORISED = "ACCOUNT.AUTH"
CANCELLED = "POLICY.CANCELLED"
UNKNOWN = "UNKNOWN.OTHER"

THROTTLING_CODES = frozenset({14107, 20429, 21611, 30001, 30022})
"""Refusals that only say "not now": the message was not accepted and may be submitted again."""

SUPPRESSING_CODES = frozenset({21610})
"""The recipient replied STOP to this sender, as the carrier saw it."""

STATES: Mapping[str, ReceiptState] = {
    "accepted": ReceiptState.QUEUED,
    "scheduled": ReceiptState.QUEUED,
    "queued": ReceiptState.QUEUED,
    "sending": ReceiptState.QUEUED,
    "sent": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "failed": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
}
