"""Whether the money will do, and whether automatic top-ups make up for what it lacks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.shortfall import Funds

FUNDS = Funds(
    available_micros=100,
    queued_cost_micros=30,
    auto_buy=True,
    top_up_micros=40,
    open_micros=0,
    daily_left_micros=100,
    monthly_left_micros=1_000,
)


@pytest.mark.parametrize(("cost", "shortfall"), [(0, 0), (70, 0), (71, 1), (170, 100)])
def test_what_waits_already_is_paid_before(cost: int, shortfall: int) -> None:
    assert FUNDS.shortfall_micros(cost) == shortfall


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        ({}, 80),
        ({"auto_buy": False, "top_up_micros": 0}, -1),
        ({"open_micros": 40}, 120),
        ({"top_up_micros": 0, "open_micros": 40}, 40),
        ({"top_up_micros": 0}, 0),
        ({"monthly_left_micros": 79}, 40),
        ({"daily_left_micros": 39}, 0),
        ({"daily_left_micros": -10, "open_micros": 40}, 40),
        ({"daily_left_micros": 120}, 120),
    ],
)
def test_top_ups_cover_as_much_as_their_caps_let_them(change: dict[str, Any], covered: int) -> None:
    funds = replace(FUNDS, **change)
    assert not funds.auto_buy_covers(covered + 1)
    assert covered < 0 or funds.auto_buy_covers(covered)


@given(st.integers(1, 50), st.integers(-50, 500), st.integers(-50, 500), st.integers(0, 500))
def test_covered_is_what_buying_one_by_one_would_reach(
    amount: int, daily: int, monthly: int, shortfall: int
) -> None:
    funds = replace(
        FUNDS, top_up_micros=amount, daily_left_micros=daily, monthly_left_micros=monthly
    )
    bought = 0
    while bought < shortfall and bought + amount <= min(daily, monthly):
        bought += amount
    assert funds.auto_buy_covers(shortfall) is (bought >= shortfall)
