"""The regions of accounts, and how they may be written."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.region import REGIONS, parse_region
from outbound_sms.domain.region_zone import REGION_ZONES


def test_there_are_50_states_a_district_5_territories_and_13_provinces() -> None:
    countries = [code[:2] for code in REGIONS]
    assert (countries.count("US"), countries.count("CA")) == (56, 13)
    assert all(re.fullmatch("(US|CA)-[A-Z]{2}", code) for code in REGIONS)
    assert len(set(REGIONS.values())) == len(REGIONS)
    assert "US-UM" not in REGIONS


def test_every_region_with_one_time_zone_is_a_region() -> None:
    assert set(REGION_ZONES) <= set(REGIONS)


def test_no_state_shares_its_letters_with_a_province() -> None:
    assert len({code[3:] for code in REGIONS}) == len(REGIONS)


@pytest.mark.parametrize("code", list(REGIONS))
def test_each_is_found_by_its_code_its_letters_and_its_name(code: str) -> None:
    for text in (code, code.lower(), code[3:], f" {code[3:].lower()}. ", REGIONS[code]):
        assert parse_region(text) == code
    assert parse_region(REGIONS[code].upper()) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Québec", "CA-QC"),
        (unicodedata.normalize("NFD", "QUÉBEC"), "CA-QC"),
        ("Nouvelle-Écosse", "CA-NS"),
        ("Île-du-Prince-Édouard", "CA-PE"),
        ("Territoires du Nord-Ouest", "CA-NT"),
        ("N.Y.", "US-NY"),
        ("us_ny", "US-NY"),
    ],
)
def test_spellings_of_other_systems_are_read(text: str, code: str) -> None:
    assert parse_region(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "US",
        "US-",
        "US-QC",
        "CA-NY",
        "US-UM",
        "MX-ROO",
        "X",
        "America/New_York",
        "1",
        "N3Y",
    ],
)
def test_what_is_no_region_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(ValueError, match="such as US-NY"):
        parse_region(text)


@given(st.text())
def test_any_text_is_a_region_or_refused(text: str) -> None:
    try:
        assert parse_region(text) in REGIONS
    except ValueError as error:
        assert "give its code" in str(error)
