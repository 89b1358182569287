from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import compose_body
from outbound_sms.domain.language import Language
from outbound_sms.domain.saved_messages import (
    SAVED_MESSAGES,
    SavedMessageKey,
    render_saved_message,
)
from outbound_sms.domain.segments import Encoding
from outbound_sms.domain.signature import SignatureTemplate, render_signature
from outbound_sms.domain.time_zone import parse_zone

COMPANY = "Northwind Fiber"
ZONE = parse_zone("America/Toronto")
START = datetime(2026, 9, 28, 16, 30, tzinfo=UTC)
END = START + timedelta(hours=3)


def end_for(key: SavedMessageKey) -> datetime | None:
    return END if SAVED_MESSAGES[key].needs_end else None


def test_the_three_mass_messages_ask_for_their_times() -> None:
    asked = {key: (one.needs_start, one.needs_end) for key, one in SAVED_MESSAGES.items()}
    assert asked == {
        SavedMessageKey.PLANNED_OUTAGE: (True, True),
        SavedMessageKey.UNPLANNED_OUTAGE: (True, True),
        SavedMessageKey.UNPLANNED_OUTAGE_NO_ETA: (True, False),
    }


@pytest.mark.parametrize("key", SavedMessageKey)
def test_every_saved_message_exists_in_every_language(key: SavedMessageKey) -> None:
    assert SAVED_MESSAGES[key].languages == tuple(Language)


@pytest.mark.parametrize("key", SavedMessageKey)
def test_the_text_tells_the_company_and_the_local_times(key: SavedMessageKey) -> None:
    text = render_saved_message(key, Language.FR, COMPANY, START, end_for(key), ZONE)
    assert text.startswith(COMPANY)
    assert "28 sept. 12 h 30 HAE" in text
    assert ("28 sept. 15 h 30 HAE" in text) == SAVED_MESSAGES[key].needs_end
    assert "|" not in text


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(SavedMessageKey),
    language=st.sampled_from(Language),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),
    hours=st.integers(1, 24 * 9),
    zone=st.sampled_from(
        ["America/New_York", "America/St_Johns", "America/Anchorage", "America/Whitehorse"]
    ),
    company=st.sampled_from([COMPANY, "Vidéotron Rive-Sud", "Coopérative de Valcourt"]),
)
def test_with_the_short_signature_it_is_one_gsm7_segment(
    key: SavedMessageKey, language: Language, start: datetime, hours: int, zone: str, company: str
) -> None:
    start = start.replace(tzinfo=UTC)
    end = start + timedelta(hours=hours) if SAVED_MESSAGES[key].needs_end else None
    text = render_saved_message(key, language, company, start, end, parse_zone(zone))
    signature = render_signature(SignatureTemplate.NO_DISPLAY, None, None, language)
    body = compose_body(text, signature.text, BillingRule.PRODUCT)
    assert body.encoding is Encoding.GSM7
    assert (body.carrier_segments, body.billable_segments) == (1, 1)


@pytest.mark.parametrize("key", SavedMessageKey)
def test_a_missing_start_is_named(key: SavedMessageKey) -> None:
    with pytest.raises(ValueError, match="OUTAGE_START"):
        render_saved_message(key, Language.EN, COMPANY, None, end_for(key), ZONE)


@pytest.mark.parametrize("key", [SavedMessageKey.PLANNED_OUTAGE, SavedMessageKey.UNPLANNED_OUTAGE])
def test_a_missing_end_is_named(key: SavedMessageKey) -> None:
    with pytest.raises(ValueError, match="OUTAGE_END"):
        render_saved_message(key, Language.EN, COMPANY, START, None, ZONE)


def test_an_end_is_refused_where_no_estimate_is_known() -> None:
    key = SavedMessageKey.UNPLANNED_OUTAGE_NO_ETA
    with pytest.raises(ValueError, match="OUTAGE_END is not part of"):
        render_saved_message(key, Language.EN, COMPANY, START, END, ZONE)


@pytest.mark.parametrize("company", ["", " ", "\x00\n"])
def test_a_missing_company_name_is_named(company: str) -> None:
    with pytest.raises(ValueError, match="COMPANY_NAME"):
        render_saved_message(SavedMessageKey.PLANNED_OUTAGE, Language.EN, company, START, END, ZONE)


def test_a_company_name_that_looks_like_a_variable_is_text_only() -> None:
    company = "|OUTAGE_START| {0} %s"
    text = render_saved_message(
        SavedMessageKey.PLANNED_OUTAGE, Language.EN, company, START, END, ZONE
    )
    assert text.startswith(f"{company}: planned maintenance")
