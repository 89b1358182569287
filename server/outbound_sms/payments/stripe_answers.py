"""What Stripe's answers mean. Only what an answer states plainly is believed.

Whatever may have charged is `Unanswered`, since to ask again with the same key is harmless, while
to take a charge for declined loses money that somebody has paid.
"""

import json
import re
from typing import Any
from uuid import UUID

import structlog

from outbound_sms.payments.gateway import (
    Charge,
    ChargeOutcome,
    Declined,
    NotCharged,
    Paid,
    Processing,
    Unanswered,
)

_log = structlog.get_logger(__name__)

Answer = dict[str, Any]
IntentOutcome = Paid | Declined | Processing | Unanswered

_MICROS_PER_CENT = 10_000
_PAYMENT_ID = re.compile(r"pi_[A-Za-z0-9_]{1,250}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
# States from which nobody is charged unless the payment is confirmed anew, which we never do.
_ENDED_UNPAID = frozenset(
    {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "requires_capture",
        "canceled",
    }
)
# Stripe refuses these before it looks at the charge.
_NOT_OUR_TURN = frozenset({401, 403, 429})


def classify_charge(status: int, body: bytes, charge: Charge) -> ChargeOutcome:
    """What an HTTP answer to POST /v1/payment_intents means."""
    answer = decode(body)
    if status == 200:
        return classify_intent(answer, charge.top_up_id, charge.cents, charge.currency)
    error = answer.get("error")
    if not isinstance(error, dict):
        # Something between us and Stripe may have answered after it had passed the request on.
        return Unanswered(f"HTTP {status} without an error of the gateway")
    code = _text(error.get("code"))
    if status in _NOT_OUR_TURN or (status == 400 and code == "rate_limit"):
        return NotCharged(f"HTTP {status} {code or ''}".rstrip())
    refused = status in (400, 404) and error.get("type") == "invalid_request_error"
    if (status == 402 or refused) and code != "idempotency_key_in_use":
        return _declined(status, error, code)
    if error.get("type") == "idempotency_error":
        _log.error("payment_asked_again_differently", top_up_id=str(charge.top_up_id))
    return Unanswered(f"HTTP {status} {code or ''}".rstrip())


def classify_intent(
    intent: object, top_up_id: UUID, cents: int | None = None, currency: str | None = None
) -> IntentOutcome:
    """What the state of a PaymentIntent means.

    It must be of this top-up and of the expected amount. Without `cents`, its amount must be the
    one that the top-up recorded in its metadata.
    """
    if not isinstance(intent, dict) or not is_of(intent, top_up_id):
        return Unanswered("the answer is not this payment")
    payment_id = intent.get("id")
    if not isinstance(payment_id, str) or not _PAYMENT_ID.fullmatch(payment_id):
        return Unanswered("the answer has no payment id")
    status = intent.get("status")
    if status in _ENDED_UNPAID:
        return Declined(_decline_code(intent.get("last_payment_error")) or status, payment_id)
    if status not in ("succeeded", "processing"):
        return Unanswered("the payment is in a state that is not known")
    if not _amount_fits(intent, cents, currency):
        _log.error(
            "payment_amount_differs", top_up_id=str(top_up_id), gateway_payment_id=payment_id
        )
        return Unanswered("the amount of the payment differs")
    return Paid(payment_id) if status == "succeeded" else Processing(payment_id)


def is_of(intent: object, top_up_id: UUID) -> bool:
    """True when the PaymentIntent was made for this top-up."""
    metadata = intent.get("metadata") if isinstance(intent, dict) else None
    return isinstance(metadata, dict) and metadata.get("top_up_id") == str(top_up_id)


def decode(body: bytes) -> Answer:
    """The JSON object of a body; empty when it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _declined(status: int, error: Answer, code: str | None) -> Declined | Unanswered:
    intent = error.get("payment_intent")
    payment_id = None
    if isinstance(intent, dict):
        if intent.get("status") not in _ENDED_UNPAID:
            return Unanswered(f"HTTP {status} for a payment that has not ended")
        payment_id = _text(intent.get("id"), _PAYMENT_ID)
    return Declined(_decline_code(error) or f"http_{status}", payment_id)


def _decline_code(error: object) -> str | None:
    if not isinstance(error, dict):
        return None
    return _text(error.get("decline_code")) or _text(error.get("code"))


def _amount_fits(intent: Answer, cents: int | None, currency: str | None) -> bool:
    if cents is None:
        recorded = intent["metadata"].get("amount_micros")
        if not isinstance(recorded, str) or not re.fullmatch(r"[0-9]{1,19}", recorded):
            return False
        cents = int(recorded) // _MICROS_PER_CENT
    names = ("amount", "amount_received") if intent["status"] == "succeeded" else ("amount",)
    right_currency = currency is None or intent.get("currency") == currency.lower()
    return right_currency and all(intent.get(name) == cents for name in names)


def _text(value: object, allowed: re.Pattern[str] = _CODE) -> str | None:
    return value if isinstance(value, str) and allowed.fullmatch(value) else None
