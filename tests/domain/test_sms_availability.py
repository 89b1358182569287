"""Which instances can send at all."""

import pytest

from outbound_sms.domain.errors import Reason
from outbound_sms.domain.phone import TEXTABLE_COUNTRIES
from outbound_sms.domain.sms_availability import SMS_COUNTRIES, sms_available, unavailable


@pytest.mark.parametrize("country", ["US", "CA"])
def test_instances_of_the_us_and_canada_can_send(country: str) -> None:
    assert sms_available(country, "US", platform=False)


@pytest.mark.parametrize(
    ("country", "data_center", "platform", "why"),
    [
        ("GB", "US", False, "US and Canada only"),
        ("", "US", False, "US and Canada only"),
        ("CA", "CANADA", False, "Canadian data center"),
        ("US", "CANADA", False, "Canadian data center"),
        ("US", "US", True, "create an instance"),
    ],
)
def test_no_other_instance_can_and_the_error_says_why(
    country: str, data_center: str, platform: bool, why: str
) -> None:
    assert not sms_available(country, data_center, platform)
    error = unavailable(country, data_center, platform)
    assert error.reason is Reason.SMS_NOT_AVAILABLE
    assert why in error.message


def test_who_can_send_is_where_texts_can_go() -> None:
    assert SMS_COUNTRIES == TEXTABLE_COUNTRIES
