"""Reading a row of an export."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.consent import ConsentSource
from outbound_sms.domain.import_row import COLUMNS, ImportRow, read_row
from outbound_sms.domain.language import Language

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
GOOD = {"account_number": "A1", "account_name": "Ada Moreau"}


def read(**texts: str) -> ImportRow:
    return read_row(7, GOOD | texts, NOW)


def refused(**texts: str) -> dict[str, str]:
    return {each.column: each.reason for each in read(**texts).refusals}


def test_a_full_row_is_read_into_values() -> None:
    row = read(
        company=" Northwind ",
        groups="VIP; Seasonal;;VIP",
        network_sites="North Ridge",
        parent_account_number="A0",
        language="Français",
        delinquent="Oui",
        region="Québec",
        contact_name="Zoé Côté",
        contact_primary="x",
        contact_language="fr-CA",
        contact_email="zoe@example.com",
        contact_time_zone="America/Toronto",
        message_categories="Outages",
        phone_number="(514) 555-0123 poste 12",
        phone_type="Mobile",
        sms_opt_in="1",
        consent_source="Web",
        consent_time="2026-01-02 03:04-05:00",
        consent_evidence="box ticked",
    )
    assert row.refusals == ()
    assert (row.line, row.account_number) == (7, "A1")
    assert row.account == {
        "name": "Ada Moreau",
        "company": "Northwind",
        "groups": ("VIP", "Seasonal"),
        "network_sites": ("North Ridge",),
        "parent": "A0",
        "language": Language.FR,
        "delinquent": True,
        "region": "CA-QC",
    }
    assert row.contact_name == "Zoé Côté"
    assert row.contact["is_primary"] is True
    assert row.contact["language"] is Language.FR
    assert row.number is not None
    assert (row.number.e164, row.number.country) == ("+15145550123", "CA")
    assert row.phone == {"type": "Mobile", "extension": "12"}
    assert row.consent.opt_in is True
    assert row.consent.source is ConsentSource.WEB
    assert row.consent.time == datetime(2026, 1, 2, 8, 4, tzinfo=UTC)
    assert row.consent.evidence == "box ticked"


def test_an_absent_or_empty_opt_in_says_nothing() -> None:
    assert read(phone_number="2125550101").consent.opt_in is None
    assert read(phone_number="2125550101", sms_opt_in=" ").consent.opt_in is None
    assert read(phone_number="2125550101", sms_opt_in="non").consent.opt_in is False


def test_consent_without_evidence_names_the_line() -> None:
    consent = read(phone_number="2125550101", sms_opt_in="yes").consent
    assert (consent.source, consent.evidence) == (ConsentSource.IMPORT, "Import, line 7")


def test_an_empty_text_clears_what_may_be_empty_and_else_counts_as_absent() -> None:
    row = read(groups="", language="", parent_account_number="", status="", company="", region="")
    assert row.account == {
        "name": "Ada Moreau",
        "groups": (),
        "language": None,
        "parent": "",
        "region": None,
    }
    assert read(delinquent="").account == {"name": "Ada Moreau"}


def test_all_wrong_columns_of_a_row_are_named_at_once() -> None:
    found = refused(
        account_name="",
        phone_number="212-555-CALL",
        sms_opt_in="maybe",
        language="Klingon",
        region="Atlantis",
        contact_email="nobody",
        consent_time="2199-01-01",
        balance="12.50",
    )
    assert found.keys() == {
        "account_name",
        "phone_number",
        "sms_opt_in",
        "language",
        "region",
        "contact_email",
        "consent_time",
        "balance",
    }
    assert "CALL" not in str(found.values())


def test_missing_columns_are_named() -> None:
    assert {each.column for each in read_row(1, {}, NOW).refusals} == {
        "account_number",
        "account_name",
    }


def test_a_phone_number_without_contact_belongs_to_one_of_the_accounts_name() -> None:
    assert read(phone_number="2125550101").contact_name == "Ada Moreau"
    assert read(contact_primary="no").contact_name is None


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\u2028b", "a\x7fb"])
def test_control_characters_are_refused(text: str) -> None:
    assert refused(contact_name=text).keys() == {"contact_name"}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("account_number", "9" * 101),
        ("groups", ";".join(map(str, range(101)))),
        ("groups", "x" * 30_000),
        ("phone_extension", "12345678"),
        ("phone_country", "Atlantis"),
        ("contact_time_zone", "EST"),
        ("consent_source", "sms"),
        ("consent_source", "carrier"),
        ("consent_time", "0001-01-01T00:00:00+23:59"),
    ],
)
def test_texts_beyond_their_bounds_are_refused(column: str, text: str) -> None:
    assert refused(**{column: text, "phone_number": "2125550101"}).keys() == {column}


@pytest.mark.parametrize(
    ("text", "value"),
    [("YES", True), ("Vrai", True), ("0", False), ("Faux", False), ("✓", True), ("N", False)],
)
def test_yes_and_no_are_read_as_people_write_them(text: str, value: bool) -> None:
    assert read(delinquent=text).account["delinquent"] is value


def test_accents_are_kept_in_composed_form() -> None:
    assert read(contact_name="Rene\u0301e").contact_name == "Renée"


@given(st.dictionaries(st.sampled_from([*COLUMNS, "other"]), st.text(max_size=60), max_size=12))
def test_any_texts_give_a_row_or_refusals_of_its_own_columns(texts: dict[str, str]) -> None:
    row = read_row(3, texts, NOW)
    columns = {refusal.column for refusal in row.refusals}
    assert columns <= texts.keys() | {"account_number", "account_name"}
    assert all(refusal.reason for refusal in row.refusals)
    if not columns:
        assert row.account_number
        assert row.account["name"]
        assert row.number is None or row.contact_name is not None


@given(
    st.lists(st.text("abcÉé ;", max_size=8), max_size=6),
    st.booleans(),
    st.sampled_from(["+12125550101", "(212) 555-0101", "1.212.555.0101 x9"]),
)
def test_a_row_means_the_same_when_its_values_are_written_out_again(
    groups: list[str], opt_in: bool, phone: str
) -> None:
    first = read(groups=";".join(groups), sms_opt_in="yes" if opt_in else "no", phone_number=phone)
    assert first.number is not None
    again = read(
        groups=";".join(first.account["groups"]),
        sms_opt_in=str(first.consent.opt_in),
        phone_number=first.number.e164,
        phone_extension=first.phone.get("extension", ""),
    )
    assert again.account == first.account
    assert again.consent == first.consent
    assert again.number is not None
    assert again.number.e164 == first.number.e164
