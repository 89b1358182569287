from datetime import date, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import BodyRefused
from outbound_sms.domain.language import Language
from outbound_sms.domain.rendering import Answers, Closing
from outbound_sms.domain.segments import Encoding
from outbound_sms.domain.signature import SignatureTemplate
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.domain.trigger_rendering import render_trigger
from outbound_sms.domain.trigger_type import TRIGGER_TYPES, CountUnit, TriggerType, VariableKind
from outbound_sms.domain.trigger_values import TriggerValues, read_values
from tests.domain.trigger_examples import (
    ACCOUNT_NUMBER,
    COMPANY,
    SHORT,
    TYPICAL,
    WITH_TEXT,
    render,
    typical_values,
)

# Values of a kind that are as hostile as a text can be, yet nothing but text.
HOSTILE = "|COMPANY_NAME| [|COUNT|] %s {0} \\1 '; DROP TABLE message;--"
COUNTS = {CountUnit.MONTHS: (1, 12), CountUnit.DAYS: (1, 30), CountUnit.PERCENT: (1, 150)}
EVERY_TEXT = pytest.mark.parametrize(
    ("trigger", "language"),
    [pytest.param(*one, id=f"{one[0].key}-{one[1]}") for one in product(WITH_TEXT, Language)],
)


@EVERY_TEXT
@pytest.mark.parametrize("optional", [False, True])
def test_every_text_is_one_gsm7_segment_with_typical_values_and_the_short_signature(
    trigger: TriggerType, language: Language, optional: bool
) -> None:
    for count in COUNTS[trigger.count_unit] if trigger.count_unit else (0,):
        given = typical_values(trigger, optional=optional)
        body = render(trigger, given, language, count, SHORT).body
        assert body.encoding is Encoding.GSM7
        assert body.characters <= 160, body.text
        assert (body.carrier_segments, body.billable_segments, body.warnings) == (1, 1, ())


@EVERY_TEXT
@pytest.mark.parametrize("optional", [False, True])
def test_every_text_says_who_writes_and_reads_as_sentences(
    trigger: TriggerType, language: Language, optional: bool
) -> None:
    text = render(trigger, typical_values(trigger, optional=optional), language).body.text
    assert text.startswith(COMPANY)
    assert text.endswith(".")
    assert not set(text) & set("|[]")
    plain = text.replace("...4242", "4242")
    for wrong in ("  ", " .", " ,", "( ", " )", "()", ",.", ":.", ".."):
        assert wrong not in plain


@EVERY_TEXT
def test_every_value_is_shown_and_a_missing_one_takes_its_part_with_it(
    trigger: TriggerType, language: Language
) -> None:
    everything = typical_values(trigger, optional=True)
    whole = render(trigger, everything, language).body.text
    for variable in trigger.variables:
        if variable.kind is VariableKind.TEXT:
            assert TYPICAL[variable.name] in whole
        if not variable.required:
            fewer = {name: value for name, value in everything.items() if name != variable.name}
            assert len(render(trigger, fewer, language).body.text) < len(whole) - 3


def test_amounts_days_and_moments_are_shown_in_the_way_of_the_language() -> None:
    bill = TRIGGER_TYPES["MONTHLY_BILLING"]
    given = typical_values(bill, optional=True)
    assert render(bill, given, Language.EN).body.text == (
        "Northwind Fiber: your new bill is $128.40, due Dec 1. Invoice 104217. "
        "It will be paid automatically on Nov 28."
    )
    assert render(bill, given, Language.FR).body.text == (
        "Northwind Fiber : nouvelle facture 104217 de 128,40 $, à payer d'ici le 1er déc. "
        "Paiement automatique le 28 nov."
    )
    job = TRIGGER_TYPES["JOB_SCHEDULED"]
    given = {"JOB_START": "2026-12-01T03:30:00Z"}
    assert "Nov 30 10:30 PM EST" in render(job, given, Language.EN).body.text
    assert "30 nov. 22 h 30 HNE" in render(job, given, Language.FR).body.text


@pytest.mark.parametrize(
    ("key", "count", "english", "french"),
    [
        ("INVOICE_DUE_IN_X_DAYS", 1, "is due in 1 day, on", "d'ici 1 jour, soit le"),
        ("INVOICE_DUE_IN_X_DAYS", 3, "is due in 3 days, on", "d'ici 3 jours, soit le"),
        ("INVOICE_PAST_DUE_FOR_X_DAYS", 1, "is 1 day late.", "a 1 jour de retard."),
        ("INVOICE_PAST_DUE_FOR_X_DAYS", 9, "is 9 days late.", "a 9 jours de retard."),
        ("INVOICE_DELINQUENT_IN_X_DAYS", 1, "within 1 day,", "d'ici 1 jour,"),
        ("INVOICE_DELINQUENT_FOR_X_DAYS", 1, "for 1 day.", "depuis 1 jour."),
        ("CREDIT_CARD_EXPIRING", 1, "within 1 month.", "d'ici 1 mois."),
        ("CREDIT_CARD_EXPIRING", 2, "within 2 months.", "d'ici 2 mois."),
        ("ACCOUNT_AT_X_PERCENTAGE_OF_BANDWIDTH_CAP", 80, "used 80% of", "utilisé 80 % de"),
    ],
)
def test_a_count_reads_right_in_its_sentence(
    key: str, count: int, english: str, french: str
) -> None:
    trigger = TRIGGER_TYPES[key]
    given = typical_values(trigger, optional=False)
    assert english in render(trigger, given, Language.EN, count).body.text
    assert french in render(trigger, given, Language.FR, count).body.text


@pytest.mark.parametrize("key", ["CONTACT_PASSWORD_CHANGED", "ACCOUNT_ADDRESS_CHANGED"])
def test_texts_about_security_say_what_to_do_if_it_was_somebody_else(key: str) -> None:
    assert "contact us now" in render(TRIGGER_TYPES[key], {}, Language.EN).body.text
    assert "ontactez-nous" in render(TRIGGER_TYPES[key], {}, Language.FR).body.text


def test_a_new_account_is_told_its_number() -> None:
    for language in Language:
        text = render(TRIGGER_TYPES["ACCOUNT_FIRST_ACTIVATED"], {}, language).body.text
        assert ACCOUNT_NUMBER in text


@EVERY_TEXT
def test_a_value_is_only_ever_text(trigger: TriggerType, language: Language) -> None:
    given = typical_values(trigger, optional=True)
    texts = [one for one in trigger.variables if one.kind is VariableKind.TEXT]
    for variable in texts:
        hostile = HOSTILE if variable.longest >= len(HOSTILE) else "|[%s"
        expected = render(trigger, given | {variable.name: "zzzz"}, language).body.text
        text = render(trigger, given | {variable.name: hostile}, language).body.text
        assert text == expected.replace("zzzz", hostile)


def test_a_company_name_is_only_ever_text() -> None:
    trigger = TRIGGER_TYPES["PAYMENT_REFUNDED"]
    for name in (HOSTILE, "[ |REFUND_AMOUNT|]", "|LAST_FOUR_DIGITS|"):
        text = render(trigger, {"REFUND_AMOUNT": "5"}, company_name=name).body.text
        assert text.startswith(f"{name}: we refunded $5.00. ")


def test_what_forces_ucs2_is_sent_and_counted() -> None:
    trigger = TRIGGER_TYPES["ACCOUNT_ADDRESS_CHANGED"]
    body = render(trigger, {"NEW_ADDRESS": "3, chemin du Château"}, Language.FR).body
    assert (body.encoding, body.carrier_segments) == (Encoding.UCS2, 2)
    assert [one.character for one in body.offending] == ["â"]
    assert any("force UCS-2" in warning for warning in body.warnings)


def test_the_signature_closes_the_text_and_what_it_lacks_is_said() -> None:
    trigger = TRIGGER_TYPES["PAYMENT_REFUNDED"]
    closing = Closing(SignatureTemplate.HELP, Answers(COMPANY, "Billing", "(212) 555-0101", None))
    rendered = render(trigger, {"REFUND_AMOUNT": "5"}, closing=closing)
    assert rendered.body.text.endswith("Call (212) 555-0101. Reply STOP to unsubscribe.")
    assert any("no e-mail address" in warning for warning in rendered.warnings)


@pytest.mark.parametrize(
    ("key", "missing"), [("INVOICE_DUE_IN_X_DAYS", "COUNT"), ("LATE_FEE_APPLIED", "LATE_FEE")]
)
def test_values_that_were_refused_make_no_text(key: str, missing: str) -> None:
    trigger = TRIGGER_TYPES[key]
    given = typical_values(trigger, optional=False)
    given.pop(missing, None)
    with pytest.raises(ValueError, match=f"^{missing} is missing$"):
        render_trigger(
            trigger,
            read_values(trigger, given)[0],
            count=None,
            account_number=ACCOUNT_NUMBER,
            company_name=COMPANY,
            language=Language.EN,
            zone=parse_zone("UTC"),
            currency="USD",
            closing=None,
            rule=BillingRule.PRODUCT,
        )


def test_a_text_that_is_too_long_is_refused() -> None:
    trigger = TRIGGER_TYPES["PAYMENT_REFUNDED"]
    with pytest.raises(BodyRefused, match="shorten it"):
        render(trigger, {"REFUND_AMOUNT": "5"}, company_name="x" * 1600)


@st.composite
def written(draw: st.DrawFn, trigger: TriggerType) -> dict[str, str]:
    """Values that are right, at the ends of what is allowed too."""
    given = {}
    for variable in trigger.variables:
        if not variable.required and draw(st.booleans()):
            continue
        match variable.kind:
            case VariableKind.TEXT:
                text = st.text(min_size=1, max_size=variable.longest)
                text |= st.text("|[]%{}\\ CONUT_é€😀", min_size=1, max_size=variable.longest)
                value = draw(text.filter(lambda one: one.strip().isprintable() and one.strip()))
            case VariableKind.AMOUNT:
                cents = draw(st.integers(0, 999_999_999))
                value = f"{cents // 100}.{cents % 100:02}"
            case VariableKind.DATE:
                value = draw(st.dates(date(2000, 1, 1), date(2199, 12, 31))).isoformat()
            case VariableKind.TIME:
                moment = draw(st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31)))
                offset = draw(st.sampled_from(["Z", "-12:00", "+14:00", "-03:30"]))
                value = f"{moment.isoformat(timespec='seconds')}{offset}"
        given[variable.name] = value
    return given


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(WITH_TEXT), st.sampled_from(Language))
def test_right_values_always_make_a_text(
    data: st.DataObject, trigger: TriggerType, language: Language
) -> None:
    given = data.draw(written(trigger))
    body = render(trigger, given, language, closing=SHORT).body
    assert body.text.startswith(COMPANY)
    assert "STOP" in body.text[-35:]
    for variable in trigger.variables:
        if variable.kind is VariableKind.TEXT and variable.name in given:
            assert " ".join(given[variable.name].split()) in body.text


def test_only_known_parts_are_kept_whatever_else_the_values_hold() -> None:
    trigger = TRIGGER_TYPES["PAYMENT_REFUNDED"]
    values = TriggerValues({"REFUND_AMOUNT": 5_000_000, "LAST_FOUR_DIGITS": "4242"}, None)
    text = render_trigger(
        trigger,
        values,
        count=None,
        account_number=ACCOUNT_NUMBER,
        company_name=COMPANY,
        language=Language.EN,
        zone=parse_zone("UTC"),
        currency="EUR",
        closing=None,
        rule=BillingRule.PRODUCT,
    ).body.text
    assert text.startswith(
        "Northwind Fiber: we refunded 5.00 EUR to the card or account ending in 4242."
    )
