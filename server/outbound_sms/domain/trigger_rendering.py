"""The text of an event as the recipients of one company get it."""

from datetime import date, datetime
from functools import cache
from typing import assert_never
from zoneinfo import ZoneInfo

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.count_text import format_count
from outbound_sms.domain.language import Language
from outbound_sms.domain.local_time import format_date, format_local_time
from outbound_sms.domain.money_text import format_amount
from outbound_sms.domain.rendering import Closing, Rendered, render_text
from outbound_sms.domain.trigger_type import TriggerType
from outbound_sms.domain.trigger_values import TriggerValue, TriggerValues
from outbound_sms.domain.variable import choose_parts, fill


def render_trigger(
    trigger: TriggerType,
    values: TriggerValues,
    *,
    count: int | None,
    account_number: str,
    company_name: str,
    language: Language,
    zone: ZoneInfo,
    currency: str,
    closing: Closing | None,
    rule: BillingRule,
) -> Rendered:
    """The saved message of a trigger type with the values of an event, closed by a signature.

    `count` is the event's, in the trigger type's unit; `zone` and `currency` are the instance's;
    `company_name` is that of the account's company. The values must be those that `read_values`
    found nothing wrong with. Raises ValueError that names a variable without a value, and
    BodyRefused, also a ValueError, when the text is too long.
    """
    filled: dict[str, str | None] = {
        "COMPANY_NAME": company_name,
        "ACCOUNT_NUMBER": account_number,
    }
    if trigger.count_unit is not None and count is not None:
        filled["COUNT"] = format_count(count, trigger.count_unit, language)
    for name, value in values.by_name.items():
        filled[name] = _show(value, language, zone, currency)
    template = _choose_parts(trigger.texts[language], frozenset(values.by_name))
    return render_text(fill(template, filled), language, closing, rule)


# As many entries as the catalogue has texts and sets of optional variables, at most.
_choose_parts = cache(choose_parts)


def _show(value: TriggerValue, language: Language, zone: ZoneInfo, currency: str) -> str:
    match value:
        case str():
            return value
        case int():
            return format_amount(value, currency, language)
        case datetime():
            return format_local_time(value, zone, language)
        case date():
            return format_date(value, language)
        case _:
            assert_never(value)
