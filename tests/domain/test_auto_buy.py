"""The rules that the settings of automatic top-ups keep, all told at once."""

from dataclasses import replace

import pytest

from outbound_sms.domain.auto_buy import AutoBuyValues, check_auto_buy
from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.top_up import LARGEST_AMOUNT_MICROS

RIGHT = AutoBuyValues(
    enabled=True,
    threshold_micros=5_000_000,
    amount_micros=20_000_000,
    daily_cap_micros=20_000_000,
    monthly_cap_micros=2**63 - 1,
    customer="cus_PQ1",
    payment_method="pm_1Abc",
)


def wrong_fields(values: AutoBuyValues) -> set[str]:
    violations = Violations()
    check_auto_buy(violations, values, "")
    try:
        violations.raise_if_any()
    except InvalidRequest as error:
        return {each.field for each in error.violations}
    return set()


@pytest.mark.parametrize(
    "values",
    [
        RIGHT,
        replace(RIGHT, threshold_micros=0, customer=""),
        replace(RIGHT, threshold_micros=LARGEST_AMOUNT_MICROS),
        replace(RIGHT, payment_method="p" * 255, customer="c" * 255),
        AutoBuyValues(),
        AutoBuyValues(payment_method="pm_1Abc"),
        replace(RIGHT, enabled=False, daily_cap_micros=0, monthly_cap_micros=0),
    ],
)
def test_settings_that_keep_the_rules_pass(values: AutoBuyValues) -> None:
    assert wrong_fields(values) == set()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"threshold_micros": -1}, "threshold_micros"),
        ({"threshold_micros": LARGEST_AMOUNT_MICROS + 1}, "threshold_micros"),
        ({"amount_micros": 0}, "amount_micros"),
        ({"amount_micros": 19_999_999}, "amount_micros"),
        ({"enabled": False, "amount_micros": -10_000}, "amount_micros"),
        ({"enabled": False, "amount_micros": 1}, "amount_micros"),
        ({"daily_cap_micros": 19_999_999}, "daily_cap_micros"),
        ({"monthly_cap_micros": 19_999_999}, "monthly_cap_micros"),
        ({"enabled": False, "daily_cap_micros": -1}, "daily_cap_micros"),
        ({"enabled": False, "monthly_cap_micros": -1}, "monthly_cap_micros"),
        ({"payment_method": ""}, "payment_method"),
        ({"payment_method": "p" * 256}, "payment_method"),
        ({"payment_method": "pm 1"}, "payment_method"),
        ({"payment_method": "pm_\n"}, "payment_method"),
        ({"payment_method": "pm_é"}, "payment_method"),
        ({"payment_method": "4242424242424242"}, "payment_method"),
        ({"payment_method": "4242-4242-4242-4242"}, "payment_method"),
        ({"customer": "c" * 256}, "customer"),
        ({"customer": "\x00"}, "customer"),
    ],
)
def test_each_rule_names_its_field(change: dict[str, object], field: str) -> None:
    assert wrong_fields(replace(RIGHT, **change)) == {field}  # type: ignore[arg-type]


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = AutoBuyValues(True, -1, 5, 4, -1, "c c", "")
    assert wrong_fields(wrong) == {
        "threshold_micros",
        "amount_micros",
        "daily_cap_micros",
        "monthly_cap_micros",
        "customer",
        "payment_method",
    }
