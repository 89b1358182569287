"""Automatic top-ups: the settings, and the rules that they must keep."""

from dataclasses import dataclass
from enum import IntEnum

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.top_up import LARGEST_AMOUNT_MICROS, check_top_up_amount

LONGEST_REFERENCE = 255


class AutoBuyObstacle(IntEnum):
    """What keeps an automatic top-up from being opened although one is wanted."""

    DAILY_CAP = 1
    MONTHLY_CAP = 2
    DECLINED = 3


@dataclass(frozen=True, slots=True)
class AutoBuyValues:
    """What a caller decides. Amounts are micros of the instance's currency; caps count automatic
    top-ups that are open or were paid, by the instance's days and months. `customer` and
    `payment_method` are ids of the payment gateway, never a card's number."""

    enabled: bool = False
    threshold_micros: int = 0
    amount_micros: int = 0
    daily_cap_micros: int = 0
    monthly_cap_micros: int = 0
    customer: str = ""
    payment_method: str = ""


@dataclass(frozen=True, slots=True)
class AutoBuy:
    """The settings as stored. `version` is the etag. `obstacle` is what is in the way now."""

    values: AutoBuyValues
    version: int
    obstacle: AutoBuyObstacle | None


def check_auto_buy(violations: Violations, values: AutoBuyValues, prefix: str) -> None:
    """Adds everything that is wrong with the settings as a whole, after a change.

    `prefix` is the path of the message, with its point.
    """
    if not 0 <= values.threshold_micros <= LARGEST_AMOUNT_MICROS:
        violations.add(
            f"{prefix}threshold_micros", f"must be 0 to {LARGEST_AMOUNT_MICROS:,} micros"
        )
    # Unset while it is off; what is set must be chargeable, on or off.
    if values.enabled or values.amount_micros:
        problem = check_top_up_amount(values.amount_micros)
        if problem is not None:
            violations.add(f"{prefix}amount_micros", problem)
    for name, cap in (("daily", values.daily_cap_micros), ("monthly", values.monthly_cap_micros)):
        if cap < 0:
            violations.add(f"{prefix}{name}_cap_micros", "is negative; give at least 0")
        elif values.enabled and cap < values.amount_micros:
            violations.add(
                f"{prefix}{name}_cap_micros",
                "is less than amount_micros, so that nothing could be bought; raise it",
            )
    _check_reference(violations, f"{prefix}customer", values.customer)
    if values.enabled and not values.payment_method:
        violations.add(
            f"{prefix}payment_method",
            "is missing; give the payment gateway's id of what to charge, or do not enable",
        )
    _check_reference(violations, f"{prefix}payment_method", values.payment_method)


def _check_reference(violations: Violations, field: str, text: str) -> None:
    if len(text) > LONGEST_REFERENCE:
        violations.add(field, f"has {len(text)} characters; give at most {LONGEST_REFERENCE}")
    if not (text.isascii() and text.isprintable()) or " " in text:
        violations.add(field, "is no id of a payment gateway, such as Stripe's pm_...; give one")
    elif _looks_like_a_card(text):
        violations.add(field, "is a card number; give the payment gateway's id of the card")


def _looks_like_a_card(text: str) -> bool:
    """Whether it has as many digits as a card and no letter (ISO/IEC 7812: 12 to 19 digits)."""
    digits = [character for character in text if character.isdigit()]
    return 12 <= len(digits) <= 19 and not any(map(str.isalpha, text))
