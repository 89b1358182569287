"""What the codes and statuses of the Twilio API mean. Data only, in the words of our taxonomy.

Source: Twilio's "Error and warning dictionary" and "Message status" pages. The dictionary warns
that the cause of a code may change, so nothing but the outcome is decided by one.
"""

from collections.abc import Mapping

from outbound_sms.carriers.carrier import ReceiptState

OUTCOME_UNKNOWN = "UNCERTAIN.OUTCOME_UNKNOWN"

REASONS: Mapping[int, str] = {
    10001: "ACCOUNT.SUSPENDED",
    12400: "CARRIER.SYSTEM_ERROR",
    14107: "CARRIER.THROTTLED",
    14108: "SENDER.INVALID",
    20003: "ACCOUNT.AUTH",
    20005: "ACCOUNT.SUSPENDED",
    20006: "ACCOUNT.AUTH",
    20008: "ACCOUNT.AUTH",
    20010: "ACCOUNT.SUSPENDED",
    20151: "ACCOUNT.AUTH",
    20403: "ACCOUNT.SUSPENDED",
    20404: "ACCOUNT.AUTH",
    20429: "CARRIER.THROTTLED",
    20500: "CARRIER.SYSTEM_ERROR",
    20503: "CARRIER.SYSTEM_ERROR",
    20504: "CARRIER.SYSTEM_ERROR",
    21211: "NUMBER.INVALID",
    21212: "SENDER.INVALID",
    21214: "NUMBER.LANDLINE_OR_UNROUTABLE",
    21265: "NUMBER.INVALID",
    21266: "NUMBER.INVALID",
    21268: "NUMBER.REGION_NOT_ALLOWED",
    21401: "SENDER.INVALID",
    21408: "NUMBER.REGION_NOT_ALLOWED",
    21601: "SENDER.NOT_OWNED",
    21602: "CONTENT.EMPTY",
    21603: "SENDER.INVALID",
    21604: "NUMBER.INVALID",
    21605: "CONTENT.TOO_LONG",
    21606: "SENDER.NOT_OWNED",
    21607: "SENDER.INVALID",
    21610: "POLICY.OPTED_OUT",
    21611: "SENDER.QUEUE_FULL",
    21612: "NUMBER.LANDLINE_OR_UNROUTABLE",
    21614: "NUMBER.INVALID",
    21616: "SENDER.INVALID",
    21617: "CONTENT.TOO_LONG",
    21619: "CONTENT.EMPTY",
    21635: "NUMBER.LANDLINE_OR_UNROUTABLE",
    21658: "CONTENT.TOO_LONG",
    21659: "SENDER.NOT_OWNED",
    21660: "SENDER.NOT_OWNED",
    21661: "SENDER.INVALID",
    21701: "SENDER.INVALID",
    21702: "SENDER.INVALID",
    21703: "SENDER.INVALID",
    21704: "SENDER.INVALID",
    21705: "SENDER.INVALID",
    21709: "SENDER.INVALID",
    21910: "SENDER.INVALID",
    30001: "SENDER.QUEUE_FULL",
    30002: "ACCOUNT.SUSPENDED",
    30003: "NUMBER.UNREACHABLE",
    30004: "CARRIER.BLOCKED",
    30005: "NUMBER.UNKNOWN_HANDSET",
    30006: "NUMBER.LANDLINE_OR_UNROUTABLE",
    30007: "CONTENT.FILTERED_SPAM",
    30008: "CARRIER.SYSTEM_ERROR",
    30014: "NUMBER.INVALID",
    30017: "CARRIER.CONGESTION",
    30018: "SENDER.UNREGISTERED",
    30019: "CONTENT.TOO_LONG",
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
    30410: OUTCOME_UNKNOWN,
    # Its protection against traffic that is sent for the fees blocks the number for a while.
    30450: "CARRIER.BLOCKED",
    30453: "CARRIER.BLOCKED",
    30500: "CARRIER.SYSTEM_ERROR",
    63017: "CARRIER.THROTTLED",
    63038: "CARRIER.DAILY_CAP",
    70051: "ACCOUNT.AUTH",
    90010: "ACCOUNT.SUSPENDED",
}
"""Codes for mistakes that an operator has to see, such as a callback address that Twilio does not
take (21609) or a trial account (21608), are left out: an unknown code is kept and logged."""

UNAUTHORISED = "ACCOUNT.AUTH"
CANCELLED = "POLICY.CANCELLED"
UNKNOWN = "UNKNOWN.OTHER"

# A daily limit is lifted at a time that the code does not tell.
_UNTIL_TOMORROW = 3600.0

THROTTLING_CODES: Mapping[int, float] = {
    14107: 1.0,
    20429: 1.0,
    20503: 5.0,
    21611: 1.0,
    30001: 1.0,
    30017: 5.0,
    30022: 1.0,
    30023: _UNTIL_TOMORROW,
    30027: _UNTIL_TOMORROW,
    63017: 1.0,
    63038: _UNTIL_TOMORROW,
}
"""Refusals that only say "not now": the message was not accepted and may be submitted again.
Seconds to wait with each, where the answer has no Retry-After."""

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
"""Which of them Twilio charges for: what it tried to deliver, so "undelivered" too. "failed" has
not left Twilio and costs no price for its segments; since September 30, 2024 most of those cost a
processing fee of 0.001 USD. Source: Twilio support, "Will I be charged if Twilio encounters an
error when sending an SMS?" and "Failed message processing fees"."""
