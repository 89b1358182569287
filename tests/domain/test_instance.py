"""What an instance may be made of."""

import re

import pytest

from outbound_sms.domain.country import is_country
from outbound_sms.domain.currency import CURRENCIES, default_currency
from outbound_sms.domain.instance import DataCenter, InstanceValues


@pytest.mark.parametrize(
    ("code", "known"),
    [("US", True), ("CA", True), ("GB", True), ("us", False), ("UK", False), ("", False)],
)
def test_countries_are_those_of_iso_3166(code: str, known: bool) -> None:
    assert is_country(code) == known


def test_currencies_are_codes_in_use() -> None:
    assert {"USD", "CAD", "EUR", "GBP"} <= CURRENCIES
    assert all(re.fullmatch("[A-Z]{3}", code) for code in CURRENCIES)
    assert not CURRENCIES & {"XXX", "XTS", "XAU", "USN"}


@pytest.mark.parametrize(("country", "currency"), [("US", "USD"), ("CA", "CAD"), ("GB", "USD")])
def test_an_instance_is_billed_in_dollars_unless_said(country: str, currency: str) -> None:
    assert default_currency(country) == currency


@pytest.mark.parametrize(
    ("country", "data_center", "available"),
    [
        ("US", DataCenter.US, True),
        ("CA", DataCenter.US, True),
        ("CA", DataCenter.CANADA, False),
        ("GB", DataCenter.US, False),
    ],
)
def test_a_tenant_can_send_from_the_us_and_canada_but_not_out_of_canadas_data_center(
    country: str, data_center: DataCenter, available: bool
) -> None:
    values = InstanceValues("Example", country, "USD", "UTC", data_center=data_center)
    assert values.sms_available == available
