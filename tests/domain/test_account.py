"""Accounts, names and addresses."""

import pytest

from outbound_sms.domain.account import accounts_in_circles
from outbound_sms.domain.contact import name_key
from outbound_sms.domain.email_address import is_email_address


def test_only_accounts_of_a_circle_are_in_it() -> None:
    parents = {"child": "a", "a": "b", "b": "c", "c": "a", "self": "self", "x": "y"}
    assert accounts_in_circles(parents) == {"a", "b", "c", "self"}


def test_a_long_chain_is_no_circle() -> None:
    assert accounts_in_circles({str(n): str(n + 1) for n in range(10_000)}) == frozenset()


def test_names_are_the_same_whatever_their_case_spacing_and_coding() -> None:
    assert name_key("RENÉE  Côté") == name_key("Rene\u0301e côté")
    assert name_key("Renée Côté") != name_key("Renee Cote")


@pytest.mark.parametrize("text", ["a@b.co", "first.last+tag@mail.example.com", "é@exemple.québec"])
def test_addresses_are_taken(text: str) -> None:
    assert is_email_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "@b.co",
        "a@.co",
        "a b@c.de",
        "a@b@c.de",
        "a@b..co",
        "a\n@b.co",
        "Ada <a@b.co>",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not is_email_address(text)


def test_a_long_text_is_refused_quickly() -> None:
    assert not is_email_address("a@" + "a." * 100 + "!")
    assert not is_email_address("a" * 1_000_000)
