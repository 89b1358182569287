"""Typical values of every variable of the catalogue, and a render with everything else typical."""

from collections.abc import Mapping

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.language import Language
from outbound_sms.domain.rendering import Answers, Closing, Rendered
from outbound_sms.domain.signature import SignatureTemplate
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.domain.trigger_rendering import render_trigger
from outbound_sms.domain.trigger_type import TRIGGER_TYPES, TriggerType
from outbound_sms.domain.trigger_values import read_values

WITH_TEXT = [trigger for trigger in TRIGGER_TYPES.values() if trigger.supports_sms]
COMPANY = "Northwind Fiber"
ACCOUNT_NUMBER = "100482"
SHORT = Closing(SignatureTemplate.NO_DISPLAY, Answers(COMPANY, "Billing", None, None))

TYPICAL = {
    "AMOUNT_DUE": "128.40",
    "AMOUNT_PAID": "128.40",
    "AUTOPAY_DATE": "2026-11-28",
    "CHANGE_TIME": "2026-07-23T20:15:00Z",
    "DATA_CAP": "500 GB",
    "DUE_DATE": "2026-12-01",
    "INVOICE_NUMBER": "104217",
    "JOB_ADDRESS": "1204 Maple Ridge Dr",
    "JOB_START": "2026-07-23T13:30:00-04:00",
    "LAST_FOUR_DIGITS": "4242",
    "LATE_FEE": "10",
    "NEW_ADDRESS": "1204 Maple Ridge Dr",
    "PAYMENT_NUMBER": "P-20417",
    "PAY_BY_DATE": "2026-12-15",
    "PORTAL_ADDRESS": "my.northwind.example",
    "REFUND_AMOUNT": "45.1",
    "RESET_DATE": "2026-12-28",
}


def typical_values(trigger: TriggerType, *, optional: bool) -> dict[str, str]:
    """What an event carries at least, and with `optional` at most."""
    return {one.name: TYPICAL[one.name] for one in trigger.variables if one.required or optional}


def render(
    trigger: TriggerType,
    given: Mapping[str, str],
    language: Language = Language.EN,
    count: int = 3,
    closing: Closing | None = None,
    company_name: str = COMPANY,
) -> Rendered:
    """The text of an event with nothing wrong in it; no signature unless one is given."""
    values, problems = read_values(trigger, given)
    assert problems == []
    return render_trigger(
        trigger,
        values,
        count=count if trigger.count_unit else None,
        account_number=ACCOUNT_NUMBER,
        company_name=company_name,
        language=language,
        zone=parse_zone("America/Toronto"),
        currency="CAD",
        closing=closing,
        rule=BillingRule.PRODUCT,
    )
