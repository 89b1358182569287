"""What a text costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.billing_rule import BillingRule, billable_segments
from outbound_sms.domain.price_list import MAX_PRICE_MICROS, PRICE_KEYS, PriceList
from outbound_sms.domain.segments import Encoding, count_segments

prices = st.lists(st.integers(0, MAX_PRICE_MICROS), min_size=4, max_size=4)


def price_list(micros: list[int]) -> PriceList:
    return PriceList(1, "USD", None, dict(zip(PRICE_KEYS, micros, strict=True)), None)


def test_there_is_a_price_for_each_country_and_encoding() -> None:
    assert set(PRICE_KEYS) == {(c, e) for c in ("US", "CA") for e in Encoding}


@given(
    prices,
    st.sampled_from(PRICE_KEYS),
    st.sampled_from(list(BillingRule)),
    st.integers(0, 1600),
)
def test_a_text_costs_its_billable_segments_by_country_and_encoding(
    micros: list[int], key: tuple[str, Encoding], rule: BillingRule, length: int
) -> None:
    country, encoding = key
    count = count_segments(("a" if encoding is Encoding.GSM7 else "ê") * length)
    segments = billable_segments(count, rule)
    cost = price_list(micros).cost_micros(country, encoding, segments)
    assert cost == segments * micros[PRICE_KEYS.index(key)]


@given(prices, st.sampled_from(PRICE_KEYS), st.integers(0, 10**6), st.integers(0, 10**6))
def test_cost_is_exact_however_texts_are_added_up(
    micros: list[int], key: tuple[str, Encoding], one: int, other: int
) -> None:
    found = price_list(micros)
    assert found.cost_micros(*key, one) + found.cost_micros(*key, other) == found.cost_micros(
        *key, one + other
    )


def test_fewer_segments_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        price_list([1, 1, 1, 1]).cost_micros("US", Encoding.GSM7, -1)


def test_a_country_that_is_never_texted_has_no_price() -> None:
    with pytest.raises(KeyError):
        price_list([1, 1, 1, 1]).cost_micros("JM", Encoding.GSM7, 1)
