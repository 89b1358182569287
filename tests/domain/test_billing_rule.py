import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.billing_rule import BillingRule, billable_segments
from outbound_sms.domain.segments import count_segments


@pytest.mark.parametrize(
    ("length", "billed"),
    [(0, 0), (1, 1), (160, 1), (161, 2), (305, 2), (306, 3), (450, 3), (451, 4), (1600, 11)],
)
def test_the_product_rule_counts_160_characters_and_then_145_each(length: int, billed: int) -> None:
    assert billable_segments(count_segments("a" * length), BillingRule.PRODUCT) == billed


@pytest.mark.parametrize(
    ("text", "billed"),
    [
        ("a" * 159 + "[", 2),
        ("ê" * 160, 1),
        ("ê" * 159 + "😀", 2),
    ],
)
def test_the_product_rule_counts_septets_and_units_not_letters(text: str, billed: int) -> None:
    assert billable_segments(count_segments(text), BillingRule.PRODUCT) == billed


@pytest.mark.parametrize(("text", "billed"), [("a" * 306, 2), ("ê" * 71, 2), ("", 0)])
def test_the_carrier_rule_bills_what_the_carrier_counts(text: str, billed: int) -> None:
    assert billable_segments(count_segments(text), BillingRule.CARRIER) == billed


@given(st.integers(0, 1600))
def test_the_product_rule_never_bills_gsm7_below_the_carrier(length: int) -> None:
    count = count_segments("a" * length)
    assert billable_segments(count, BillingRule.PRODUCT) >= count.carrier_segments
