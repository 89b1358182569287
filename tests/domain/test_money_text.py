import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.language import Language
from outbound_sms.domain.money_text import (
    format_amount,
    parse_amount,
    parse_micros,
    plain_micros,
    show_micros,
)
from outbound_sms.domain.segments import Encoding, count_segments


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("0.01", 10_000),
        ("45.10", 45_100_000),
        ("45.1", 45_100_000),
        ("45", 45_000_000),
        ("9999999.99", 9_999_999_990_000),
        ("0000007", 7_000_000),
    ],
)
def test_an_amount_is_read_exactly(text: str, micros: int) -> None:
    assert parse_amount(text) == micros


@pytest.mark.parametrize(
    "text",
    ["", " ", "45.", ".5", "45.101", "10000000", "-1", "+1", "1e3", "1,045.10", "45,10", "$45.10"]
    + [" 45", "45\n", "NaN", "inf", "٤٥", "4_5", "0x1", "45.1 ", "1 045"],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"give 0 to 9999999\.99, for example 45\.10"):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "currency", "english", "french"),
    [
        ("45.1", "USD", "$45.10", "45,10 $"),
        ("45.1", "CAD", "$45.10", "45,10 $"),
        ("0", "USD", "$0.00", "0,00 $"),
        ("0.05", "USD", "$0.05", "0,05 $"),
        ("1045", "CAD", "$1,045.00", "1 045,00 $"),
        ("9999999.99", "USD", "$9,999,999.99", "9 999 999,99 $"),
        ("12.5", "EUR", "12.50 EUR", "12,50 EUR"),
    ],
)
def test_an_amount_reads_in_the_way_of_the_language(
    text: str, currency: str, english: str, french: str
) -> None:
    micros = parse_amount(text)
    assert format_amount(micros, currency, Language.EN) == english
    assert format_amount(micros, currency, Language.FR) == french


@settings(deadline=None)
@given(st.integers(0, 999_999_999), st.sampled_from(Language))
def test_no_cent_is_lost_and_every_amount_is_gsm7(cents: int, language: Language) -> None:
    text = format_amount(parse_amount(f"{cents // 100}.{cents % 100:02}"), "USD", language)
    assert int("".join(character for character in text if character.isdigit())) == cents
    assert count_segments(text).encoding is Encoding.GSM7


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.0075", 7_500),
        ("50", 50_000_000),
        ("-5.000001", -5_000_001),
        ("+1.10", 1_100_000),
        ("999999999999.999999", 999_999_999_999_999_999),
        ("0.1", 100_000),
    ],
)
def test_an_administrators_amount_is_read_to_the_millionth(text: str, micros: int) -> None:
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".5",
        "5.",
        "1e3",
        "1,000",
        "$50",
        "NaN",
        "Infinity",
        "4_5",
        "٤٥",
        " 5",
        "1234567890123",
    ],
)
def test_what_is_no_amount_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"units with a point, for example 50 or 0\.0075"):
        parse_micros(text)


@pytest.mark.parametrize("text", ["0.0000001", "1.0000000"])
def test_more_than_six_decimals_are_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="more than 6 decimals"):
        parse_micros(text)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_plain_amount_has_six_decimals_and_reads_back(micros: int) -> None:
    text = plain_micros(micros)
    assert len(text.rpartition(".")[2]) == 6
    if abs(micros) < 10**18:
        assert parse_micros(text) == micros


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (32_970_000, "32.97 USD"),
        (0, "0.00 USD"),
        (15_000, "0.015 USD"),
        (1_234_500_000, "1,234.50 USD"),
        (-1, "-0.000001 USD"),
    ],
)
def test_shown_amounts_have_cents_and_what_is_below_them(micros: int, shown: str) -> None:
    assert show_micros(micros, "USD") == shown
