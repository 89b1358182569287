"""The magic payment methods: what becomes of a charge depends on what is charged.

| payment method                           | outcome                                             |
|------------------------------------------|-----------------------------------------------------|
| pm_card_chargeDeclined                   | declined, generic_decline                           |
| pm_card_chargeDeclinedInsufficientFunds  | declined, insufficient_funds                        |
| pm_card_chargeDeclinedExpiredCard        | declined, expired_card                              |
| pm_card_authenticationRequired           | declined, authentication_required                   |
| pm_sandbox_missing                       | refused, resource_missing                           |
| pm_sandbox_processing                    | processing; succeeded once its payment is read      |
| pm_sandbox_answer_lost                   | charged, and the connection breaks                  |
| pm_sandbox_late                          | charged, and the answer is late                     |
| pm_sandbox_error_after                   | charged, and answered with 500                      |
| pm_sandbox_error_stored                  | charged, and answered with 500 for ever             |
| pm_sandbox_error_before                  | answered with 500, and not charged                  |
| pm_sandbox_throttled_once                | answered with 429, and not charged                  |

The last six do so on the first request with an idempotency key; later ones are answered well, but
for pm_sandbox_error_stored. Every other pm_... succeeds, and what is not pm_... is refused as
missing. So is a customer that is not cus_..., and cus_sandbox_missing. Those with pm_card_ are
Stripe's own test methods.
"""

from collections.abc import Mapping

from outbound_sms.payments.sandbox.faults import Fault

MISSING = frozenset({"pm_sandbox_missing", "cus_sandbox_missing"})

PROCESSING = "pm_sandbox_processing"

DECLINES: Mapping[str, tuple[str, str]] = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_authenticationRequired": ("authentication_required", "authentication_required"),
}
"""Stripe's code and decline code."""

FAULTS: Mapping[str, Fault] = {
    "pm_sandbox_answer_lost": Fault.ANSWER_LOST,
    "pm_sandbox_late": Fault.LATE,
    "pm_sandbox_error_after": Fault.ERROR_AFTER,
    "pm_sandbox_error_stored": Fault.ERROR_STORED,
    "pm_sandbox_error_before": Fault.ERROR_BEFORE,
    "pm_sandbox_throttled_once": Fault.THROTTLED,
}
