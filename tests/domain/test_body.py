import pytest

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import BodyRefused, compose_body
from outbound_sms.domain.reason import REASONS
from outbound_sms.domain.segments import Encoding

STOP = "Reply STOP to unsubscribe."


def test_text_and_signature_are_joined_by_one_space() -> None:
    body = compose_body("Service is back. \n", f" {STOP}", BillingRule.PRODUCT)
    assert body.text == f"Service is back. {STOP}"
    assert (body.encoding, body.characters) == (Encoding.GSM7, len(body.text))
    assert (body.carrier_segments, body.billable_segments) == (1, 1)
    assert (body.offending, body.warnings) == ((), ())


def test_a_part_that_is_empty_adds_no_space() -> None:
    assert compose_body("", STOP, BillingRule.PRODUCT).text == STOP
    assert compose_body("Hello", "", BillingRule.PRODUCT).text == "Hello"


def test_control_characters_are_removed_and_line_feeds_kept() -> None:
    body = compose_body("a\x00\x1bb\nc", STOP, BillingRule.PRODUCT)
    assert body.text == f"ab\nc {STOP}"


def test_the_rule_decides_what_is_billed() -> None:
    text = "a" * 306
    assert compose_body(text, "", BillingRule.PRODUCT).billable_segments == 3
    assert compose_body(text, "", BillingRule.CARRIER).billable_segments == 2


def test_ucs2_is_explained_with_what_it_costs() -> None:
    body = compose_body("Vous êtes servi. " * 8, "", BillingRule.PRODUCT)
    assert (body.encoding, body.carrier_segments, body.billable_segments) == (Encoding.UCS2, 3, 1)
    assert [one.character for one in body.offending] == ["ê"]
    assert body.warnings == (
        "These characters force UCS-2: ê; without them it would take 2 segments less.",
        "1 segment will be billed, but the carrier counts 3.",
    )


def test_a_short_ucs2_text_names_the_characters_only() -> None:
    body = compose_body("Vous êtes servi.", "", BillingRule.PRODUCT)
    assert body.warnings == ("These characters force UCS-2: ê.",)


@pytest.mark.parametrize(("text", "longest"), [("a", 1530), ("ê", 670), ("[", 760), ("😀", 330)])
def test_ten_segments_are_taken_and_one_character_more_is_refused(text: str, longest: int) -> None:
    assert compose_body(text * longest, "", BillingRule.CARRIER).carrier_segments == 10
    with pytest.raises(BodyRefused, match="11 segments; shorten it") as refused:
        compose_body(text * (longest + 1), "", BillingRule.CARRIER)
    assert refused.value.reason == "CONTENT.TOO_LONG"


def test_more_than_1600_characters_are_refused_by_their_number() -> None:
    with pytest.raises(BodyRefused, match="1628 characters; shorten it to at most 1600"):
        compose_body("a" * 1601, STOP, BillingRule.PRODUCT)


@pytest.mark.parametrize("text", ["", "  ", "\x00\n"])
def test_an_empty_body_is_refused(text: str) -> None:
    with pytest.raises(BodyRefused) as refused:
        compose_body(text, "", BillingRule.PRODUCT)
    assert refused.value.reason == "CONTENT.EMPTY"


@pytest.mark.parametrize("reason", ["CONTENT.EMPTY", "CONTENT.TOO_LONG"])
def test_refusals_use_known_reasons(reason: str) -> None:
    assert reason in REASONS
