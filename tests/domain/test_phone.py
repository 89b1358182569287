import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.language import Language
from outbound_sms.domain.phone import (
    PhoneNumber,
    PhoneRefusal,
    PhoneRefused,
    display_number,
    mask,
    mask_numbers,
    parse_phone,
    textable_country,
)

FICTIONAL = st.builds(
    "+1{}55501{:02}".format,
    st.sampled_from(["212", "312", "415", "850", "416", "514", "604", "709"]),
    st.integers(0, 99),
)


@pytest.mark.parametrize(
    ("raw", "country", "e164", "extension"),
    [
        ("+12125550101", None, "+12125550101", None),
        ("(212) 555-0101 x12", "US", "+12125550101", "12"),
        ("212.555.0101 ext 4", "US", "+12125550101", "4"),
        ("212-555-0101, Ext. 42", "us", "+12125550101", "42"),
        ("212 555 0101 extension 7", "US", "+12125550101", "7"),
        ("212-555-0101 #4", "US", "+12125550101", "4"),
        ("+1 416-555-0123", None, "+14165550123", None),
        ("416 555-0123 poste 9", "CA", "+14165550123", "9"),
        ("1 (416) 555-0123", "US", "+14165550123", None),
        ("(+1) 212 555 0101", None, "+12125550101", None),
        ("011 1 212 555 0101", "US", "+12125550101", None),
        ("２１２５５５０１０１", "US", "+12125550101", None),
        ("٢١٢٥٥٥٠١٠١", "US", "+12125550101", None),
        ("＋１ ２１２ ５５５ ０１０１", None, "+12125550101", None),
        ("212\u00a0555\u00a00101", "CA", "+12125550101", None),
        ("\u202a+1\u2011212\u2013555\u22120101\u202c", None, "+12125550101", None),
        ("tel:+1-212-555-0101;ext=7", None, "+12125550101", "7"),
        ("TEL: 416 555 0123", "CA", "+14165550123", None),
    ],
)
def test_numbers_are_read_as_people_write_them(
    raw: str, country: str | None, e164: str, extension: str | None
) -> None:
    home = "CA" if e164.startswith("+1416") else "US"
    assert parse_phone(raw, country) == PhoneNumber(e164, home, extension)


@pytest.mark.parametrize(
    ("raw", "country", "code"),
    [
        ("", "US", PhoneRefusal.EMPTY),
        (" \t\u200b", "US", PhoneRefusal.EMPTY),
        ("tel:", "US", PhoneRefusal.EMPTY),
        ("---", "US", PhoneRefusal.NOT_A_NUMBER),
        ("+1+2125550101", None, PhoneRefusal.NOT_A_NUMBER),
        ("212_555_0101", "US", PhoneRefusal.NOT_A_NUMBER),
        ("1-800-FLOWERS", "US", PhoneRefusal.LETTERS),
        ("call 212 555 0101", "US", PhoneRefusal.LETTERS),
        ("x12", "US", PhoneRefusal.LETTERS),
        ("+12125550101;phone-context=x", None, PhoneRefusal.LETTERS),
        ("2125550101", None, PhoneRefusal.COUNTRY_NEEDED),
        ("2125550101", " ", PhoneRefusal.COUNTRY_NEEDED),
        ("2125550101", "XX", PhoneRefusal.COUNTRY_UNKNOWN),
        ("+999 1234567", None, PhoneRefusal.COUNTRY_UNKNOWN),
        ("911", "US", PhoneRefusal.TOO_SHORT),
        ("555-0101", "US", PhoneRefusal.TOO_SHORT),
        ("212-555-010", "US", PhoneRefusal.TOO_SHORT),
        ("212-555-01011", "US", PhoneRefusal.TOO_LONG),
        ("212-555-0101 / 212-555-0102", "US", PhoneRefusal.TOO_LONG),
        ("1" * 65, "US", PhoneRefusal.TOO_LONG),
        ("+1 242 555 0101", None, PhoneRefusal.INVALID),
        ("+1 976 555 0101", None, PhoneRefusal.INVALID),
        ("000-000-0000", "US", PhoneRefusal.INVALID),
        ("+800 1234 5678", None, PhoneRefusal.INVALID),
    ],
)
def test_what_is_no_number_is_refused_with_what_to_do(
    raw: str, country: str | None, code: PhoneRefusal
) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(raw, country)
    assert refused.value.code is code
    assert str(refused.value) == refused.value.text


@pytest.mark.parametrize("raw", ["4165550199", "+1 976 555 0199", "555-0199", "416-555-0199 abc"])
def test_a_refusal_never_repeats_the_number(raw: str) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(raw, None)
    assert "0199" not in repr(refused.value) + refused.value.text
    assert refused.value.__cause__ is None


@settings(deadline=None)
@given(FICTIONAL, st.sampled_from([" ", "-", ".", "", "\u00a0", "\u2011"]), st.booleans())
def test_any_punctuation_gives_the_same_number(e164: str, gap: str, long: bool) -> None:
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    written = f"{'1' + gap if long else ''}({area}){gap}{exchange}{gap}{line}"
    parsed = parse_phone(written, "US")
    assert parsed.e164 == e164
    assert parse_phone(parsed.e164, None) == parsed
    assert textable_country(parsed.country)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.text(st.sampled_from("+0123456789()-. x#extTEL:;="), max_size=40))
def test_any_text_at_all_is_a_number_or_is_refused(raw: str) -> None:
    try:
        parsed = parse_phone(raw, "US")
    except PhoneRefused:
        return
    assert parsed.e164.startswith("+")
    assert parsed.e164[1:].isdecimal() and parsed.e164.isascii()
    assert len(parsed.country) == 2
    assert parse_phone(parsed.e164, None).e164 == parsed.e164


@pytest.mark.parametrize(
    ("raw", "country"),
    [("+44 20 7946 0958", "GB"), ("+1 242 359 1234", "BS"), ("+1 876 656 1234", "JM")],
)
def test_other_countries_may_be_stored_but_not_texted(raw: str, country: str) -> None:
    parsed = parse_phone(raw, None)
    assert parsed.country == country
    assert not textable_country(parsed.country)


def test_premium_area_codes_are_flagged() -> None:
    assert parse_phone("+1 900 555 0101", None).is_premium
    assert PhoneNumber("+19765550101", "US", None).is_premium
    assert not parse_phone("+1 212 555 0101", None).is_premium
    assert not PhoneNumber("+29005550", "SH", None).is_premium


@pytest.mark.parametrize(
    ("e164", "extension", "language", "shown"),
    [
        ("+12125550101", None, Language.EN, "(212) 555-0101"),
        ("+12125550101", "12", Language.EN, "(212) 555-0101 x12"),
        ("+14165550123", "12", Language.FR, "(416) 555-0123 poste 12"),
        ("+442079460958", None, Language.EN, "+44 20 7946 0958"),
    ],
)
def test_a_number_reads_as_people_dial_it(
    e164: str, extension: str | None, language: Language, shown: str
) -> None:
    assert display_number(e164, extension, language) == shown
    assert parse_phone(shown, "US").extension == extension


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+12125550123", "+1212***0123"),
        ("12125550123", "1212***0123"),
        ("2125550123", "2125***0123"),
        ("+29812345", "***45"),
        ("123", "***"),
    ],
)
def test_a_masked_number_cannot_be_called(number: str, shown: str) -> None:
    assert mask(number) == shown


@settings(deadline=None)
@given(FICTIONAL, st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_no_whole_number_survives_masking(e164: str, before: str, after: str, signed: bool) -> None:
    number = e164 if signed else e164[1:]
    before, after = before + " ", " " + after
    masked = mask_numbers(before + number + after)
    assert e164[1:] not in masked
    assert mask(number) in masked


def test_digits_that_are_no_phone_number_stay() -> None:
    assert (
        mask_numbers("took 123456789 ns, 1234567890123456") == "took 123456789 ns, 1234567890123456"
    )
    for last in ("123456789012", "a12345678901", "ab1234567890", "1234567890ab"):
        message_id = str(uuid.UUID(f"0199a8b2-1111-7222-8333-{last}"))
        assert mask_numbers(f"message_id={message_id}") == f"message_id={message_id}"


def test_numbers_inside_words_and_urls_are_masked() -> None:
    assert mask_numbers("To=%2B12125550101&x") == "To=%2B1212***0101&x"
    assert mask_numbers("phone2125550101") == "phone2125***0101"
    assert mask_numbers("to:+12125550101,+14165550123") == "to:+1212***0101,+1416***0123"
