"""Reading the form of POST /v1/payment_intents, with Stripe's rules for it."""

import re
from dataclasses import dataclass

from outbound_sms.payments.sandbox.answers import Answer, invalid
from outbound_sms.payments.sandbox.payment_methods import MISSING

_LEAST_AMOUNT, _LARGEST_AMOUNT = 50, 99_999_999
_CURRENCIES = frozenset({"usd", "cad"})
_METADATA = re.compile(r"metadata\[([^\[\]]{1,40})\]")
_LONGEST_METADATA = 500
_REDIRECTS = "automatic_payment_methods[allow_redirects]"
_KNOWN = frozenset(
    {
        "amount",
        "currency",
        "customer",
        "payment_method",
        "confirm",
        "off_session",
        "error_on_requires_action",
        "automatic_payment_methods[enabled]",
        _REDIRECTS,
        "payment_method_types[0]",
        "return_url",
        "description",
    }
)


@dataclass(frozen=True, slots=True)
class IntentForm:
    """What a request asks for. `amount` in cents."""

    amount: int
    currency: str
    customer: str | None
    payment_method: str | None
    confirm: bool
    metadata: dict[str, str]


def read_form(form: dict[str, str]) -> IntentForm | Answer:
    """The request, or why Stripe would refuse it before it charges."""
    metadata = {}
    for name, value in form.items():
        if match := _METADATA.fullmatch(name):
            if len(value) > _LONGEST_METADATA:
                return invalid("Metadata values can have up to 500 characters.", param=name)
            metadata[match[1]] = value
        elif name not in _KNOWN:
            return invalid(f"Received unknown parameter: {name}", "parameter_unknown", name)
    amount = _amount(form.get("amount"))
    if isinstance(amount, Answer):
        return amount
    currency = form.get("currency", "")
    if currency not in _CURRENCIES:
        return invalid("Invalid currency: must be one of usd, cad", None, "currency")
    refusal = _references(form)
    return refusal or IntentForm(
        amount,
        currency,
        form.get("customer"),
        form.get("payment_method"),
        form.get("confirm") == "true",
        metadata,
    )


def _amount(text: str | None) -> int | Answer:
    if text is None:
        return invalid("Missing required param: amount.", "parameter_missing", "amount")
    if not re.fullmatch(r"[0-9]{1,20}", text):
        return invalid("Invalid integer.", "parameter_invalid_integer", "amount")
    if int(text) < _LEAST_AMOUNT:
        return invalid("Amount must be at least 50 cents.", "amount_too_small", "amount")
    if int(text) > _LARGEST_AMOUNT:
        return invalid("Amount must be no more than $999,999.99.", "amount_too_large", "amount")
    return int(text)


def _references(form: dict[str, str]) -> Answer | None:
    for name, prefix in (("customer", "cus_"), ("payment_method", "pm_")):
        value = form.get(name)
        if value is not None and (not value.startswith(prefix) or value in MISSING):
            return invalid(f"No such {name}", "resource_missing", name)
    if form.get("confirm") != "true":
        for name in ("off_session", "error_on_requires_action"):
            if name in form:
                return invalid(f"{name} can only be used with confirm=true.", None, name)
        return None
    if "payment_method" not in form:
        return invalid(
            "A payment method is needed to confirm.", "payment_intent_unexpected_state", None
        )
    redirecting = form.get(_REDIRECTS) != "never" and "payment_method_types[0]" not in form
    if redirecting and "return_url" not in form:
        return invalid("A return_url is needed where payment methods may redirect.")
    return None
