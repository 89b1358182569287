"""What the codes and statuses of Telnyx's messaging API mean. Data only, in our taxonomy's words.

Source: Telnyx's "Messaging error codes", "API error codes" and "Receiving webhooks for messaging".
"""

from collections.abc import Mapping

from outbound_sms.carriers.carrier import ReceiptState

REASONS: Mapping[str, str] = {
    "10001": "NUMBER.INVALID",
    "10002": "NUMBER.INVALID",
    "10009": "ACCOUNT.AUTH",
    # It is said of a sender that is not ours; as ACCOUNT.AUTH it would stop every other sender too.
    "10010": "SENDER.NOT_OWNED",
    "10011": "CARRIER.THROTTLED",
    "10016": "NUMBER.INVALID",
    "20002": "ACCOUNT.AUTH",
    "20006": "ACCOUNT.AUTH",
    "20012": "ACCOUNT.SUSPENDED",
    "20013": "ACCOUNT.SUSPENDED",
    "20100": "ACCOUNT.SUSPENDED",
    "40001": "NUMBER.LANDLINE_OR_UNROUTABLE",
    "40002": "CONTENT.FILTERED_SPAM",
    "40003": "CONTENT.FILTERED_SPAM",
    "40004": "CARRIER.BLOCKED",
    "40005": "EXPIRY.VALIDITY",
    "40006": "CARRIER.SYSTEM_ERROR",
    "40007": "CARRIER.SYSTEM_ERROR",
    # Telnyx says of it that it is for everything else.
    "40008": "UNKNOWN.OTHER",
    "40009": "CONTENT.ENCODING",
    "40010": "SENDER.UNREGISTERED",
    "40011": "CARRIER.THROTTLED",
    "40012": "NUMBER.INVALID",
    "40013": "SENDER.INVALID",
    "40014": "EXPIRY.VALIDITY",
    "40015": "CONTENT.FILTERED_SPAM",
    "40016": "CARRIER.DAILY_CAP",
    "40017": "CONTENT.FILTERED_SPAM",
    "40018": "CARRIER.THROTTLED",
    "40100": "SENDER.INVALID",
    "40150": "SENDER.UNREGISTERED",
    "40151": "SENDER.INVALID",
    "40300": "POLICY.OPTED_OUT",
    "40301": "NUMBER.LANDLINE_OR_UNROUTABLE",
    "40302": "CONTENT.TOO_LONG",
    "40305": "SENDER.NOT_OWNED",
    "40306": "SENDER.INVALID",
    "40309": "NUMBER.REGION_NOT_ALLOWED",
    "40310": "NUMBER.INVALID",
    "40311": "SENDER.INVALID",
    "40312": "SENDER.INVALID",
    "40313": "SENDER.INVALID",
    "40314": "ACCOUNT.SUSPENDED",
    "40315": "SENDER.INVALID",
    "40316": "CONTENT.EMPTY",
    "40318": "SENDER.QUEUE_FULL",
    "40319": "NUMBER.LANDLINE_OR_UNROUTABLE",
    "40320": "SENDER.INVALID",
    "40321": "SENDER.INVALID",
    "40322": "CONTENT.FILTERED_SPAM",
    "40328": "CONTENT.TOO_LONG",
    "40329": "SENDER.UNREGISTERED",
}
"""Codes for mistakes that an operator has to see, such as an account that may not use a feature
(20015), are left out: an unknown code is kept and logged."""

UNAUTHORISED = "ACCOUNT.AUTH"
EXPIRED = "EXPIRY.VALIDITY"
UNKNOWN = "UNKNOWN.OTHER"

THROTTLING_CODES: Mapping[str, float] = {
    "10011": 1.0,
    "40011": 1.0,
    # A daily limit of a mobile network is lifted at a time that the code does not tell.
    "40016": 3600.0,
    "40018": 60.0,
    # A sender's queue holds hours of texts.
    "40318": 60.0,
}
"""Refusals that only say "not now": the message was not accepted and may be submitted again.
Seconds to wait with each, where the answer does not say how long."""

IN_DOUBT_CODES = frozenset({"10007", "10008"})
"""An unexpected error and a time-out of Telnyx's own: it may have the message all the same."""

SUPPRESSING_CODES = frozenset({"40300"})
"""The recipient replied STOP to a number of this messaging profile, as Telnyx saw it."""

STATES: Mapping[str, ReceiptState] = {
    "queued": ReceiptState.QUEUED,
    "sending": ReceiptState.QUEUED,
    "sent": ReceiptState.SENT,
    # The mobile network never said more. It may well be delivered.
    "delivery_unconfirmed": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "delivery_failed": ReceiptState.UNDELIVERED,
    "expired": ReceiptState.UNDELIVERED,
    "sending_failed": ReceiptState.FAILED,
}
"""Telnyx charges for what has left its network, so for "delivery_failed" and "expired" too, and not
for "sending_failed"."""
