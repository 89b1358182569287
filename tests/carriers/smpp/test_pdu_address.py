"""Addresses to and from E.164."""

import pytest

from outbound_sms.carriers.smpp.pdu import Address, address_of, e164_of


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("+12125550101", Address(1, 1, "12125550101")),
        ("+442079460001", Address(1, 1, "442079460001")),
        ("12125550101", Address(1, 1, "12125550101")),
        ("2125550101", Address(2, 1, "2125550101")),
        ("88811", Address(3, 0, "88811")),
        ("12345678", Address(3, 0, "12345678")),
        ("ExampleISP", Address(5, 0, "ExampleISP")),
        ("1800OUTAGES", Address(5, 0, "1800OUTAGES")),
        ("٢١٢٥٥٥", Address(5, 0, "٢١٢٥٥٥")),
        ("", Address(5, 0, "")),
        ("+", Address(5, 0, "+")),
    ],
)
def test_a_sender_has_the_type_of_its_address(sender: str, expected: Address) -> None:
    assert address_of(sender) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address(1, 1, "12125550101"), "+12125550101"),
        (Address(1, 1, "+12125550101"), "+12125550101"),
        (Address(0, 0, "+14165550123"), "+14165550123"),
        (Address(0, 0, "14165550123"), "+14165550123"),
        (Address(0, 1, "4165550123"), "+14165550123"),
        (Address(2, 1, "4165550123"), "+14165550123"),
        (Address(2, 1, "14165550123"), "+14165550123"),
        (Address(1, 1, "442079460001"), "+442079460001"),
        (Address(0, 0, "+442079460001"), "+442079460001"),
        (Address(0, 0, "442079460001"), None),
        (Address(0, 0, "44207946001"), None),
        (Address(2, 1, "1165550123"), None),
        (Address(3, 0, "12125550101"), None),
        (Address(3, 0, "88811"), None),
        (Address(0, 0, "88811"), None),
        (Address(5, 0, "ExampleISP"), None),
        (Address(5, 0, "12125550101"), None),
        (Address(1, 1, ""), None),
        (Address(1, 1, "01165550123"), None),
        (Address(1, 1, "1" * 16), None),
        (Address(1, 1, "²125550101"), None),
    ],
)
def test_an_address_is_e164_only_where_it_is_a_whole_number(
    address: Address, expected: str | None
) -> None:
    assert e164_of(address) == expected


@pytest.mark.parametrize("number", ["+12125550101", "+14165550123", "+442079460001"])
def test_an_e164_number_comes_back(number: str) -> None:
    assert e164_of(address_of(number)) == number
