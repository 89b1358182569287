import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.language import Language
from outbound_sms.domain.money_text import format_amount, parse_amount
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
