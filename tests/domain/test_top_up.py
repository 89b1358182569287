"""How much a top-up may charge, in which currencies, and when it is asked for again."""

import pytest

from outbound_sms.domain.top_up import (
    CHARGEABLE_CURRENCIES,
    LARGEST_AMOUNT_MICROS,
    check_top_up_amount,
    pause_seconds,
)


@pytest.mark.parametrize("micros", [10_000, 20_000, 1_010_000, LARGEST_AMOUNT_MICROS])
def test_whole_cents_up_to_a_million_can_be_charged(micros: int) -> None:
    assert check_top_up_amount(micros) is None


@pytest.mark.parametrize(
    ("micros", "said"),
    [
        (0, "must be 10,000"),
        (-10_000, "must be 10,000"),
        (-(2**63), "must be 10,000"),
        (LARGEST_AMOUNT_MICROS + 10_000, "must be 10,000"),
        (2**63 - 1, "must be 10,000"),
        (1, "whole cents"),
        (10_001, "whole cents"),
        (1_005_000, "whole cents"),
    ],
)
def test_other_amounts_are_refused_with_what_to_give(micros: int, said: str) -> None:
    assert said in (check_top_up_amount(micros) or "")


def test_only_currencies_of_hundredths_are_charged() -> None:
    assert {"USD", "CAD", "EUR", "MXN"} <= CHARGEABLE_CURRENCIES
    assert not {"JPY", "KRW", "KWD", "BHD", "ISK", "MGA"} & CHARGEABLE_CURRENCIES


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    assert [pause_seconds(n) for n in range(1, 8)] == [5, 15, 60, 300, 900, 900, 900]
