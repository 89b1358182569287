"""What each of Stripe's answers means. A wrong "declined" loses money, or charges twice."""

import json
from typing import Any

import pytest

from outbound_sms.payments.gateway import (
    ChargeOutcome,
    Declined,
    NotCharged,
    Paid,
    Processing,
    Unanswered,
)
from outbound_sms.payments.stripe_answers import classify_charge, classify_intent
from tests.payments.harness import intent, make_charge

CHARGE = make_charge()


def classify(status: int, answer: object) -> ChargeOutcome:
    return classify_charge(status, json.dumps(answer).encode(), CHARGE)


def error(kind: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    message = "No such payment method: 'pm_secret'; key sk_test_***cret"
    return {"error": {"type": kind, "code": code, "message": message} | more}


def test_a_succeeded_payment_is_paid_and_a_processing_one_is_not_yet() -> None:
    assert classify(200, intent(CHARGE)) == Paid("pi_1")
    assert classify(200, intent(CHARGE, "processing")) == Processing("pi_1")


@pytest.mark.parametrize(
    "status",
    [
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "requires_capture",
        "canceled",
    ],
)
def test_a_payment_that_ended_unpaid_is_declined_with_the_cards_code_or_its_state(
    status: str,
) -> None:
    assert classify(200, intent(CHARGE, status)) == Declined(status, "pi_1")
    for last, code in (
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "expired_card"}, "expired_card"),
        ({"code": "No such 4242"}, status),
    ):
        answer = intent(CHARGE, status, last_payment_error=last)
        assert classify(200, answer) == Declined(code, "pi_1")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "paid"},
        {"status": None},
        {"id": None},
        {"id": "pi_/../x"},
        {"amount": CHARGE.cents + 1},
        {"amount_received": 0},
        {"amount_received": CHARGE.cents - 1},
        {"currency": "cad"},
        {"metadata": {}},
        {"metadata": {"top_up_id": "other"}},
        {"metadata": None},
    ],
)
def test_a_payment_that_is_not_plainly_this_one_answers_nothing(changes: dict[str, Any]) -> None:
    assert isinstance(classify(200, intent(CHARGE) | changes), Unanswered)


@pytest.mark.parametrize(
    "recorded", [None, "", "25", "x", "-25000000", "9" * 30, 25_000_000, "25010000"]
)
def test_a_found_payment_of_another_amount_than_recorded_answers_nothing(recorded: object) -> None:
    metadata = {"top_up_id": str(CHARGE.top_up_id), "amount_micros": recorded}
    found = intent(CHARGE, metadata=metadata)
    assert isinstance(classify_intent(found, CHARGE.top_up_id), Unanswered)
    assert classify_intent(intent(CHARGE), CHARGE.top_up_id) == Paid("pi_1")


@pytest.mark.parametrize(
    ("details", "outcome"),
    [
        ({"decline_code": "insufficient_funds"}, Declined("insufficient_funds")),
        ({}, Declined("card_declined")),
        ({"code": None}, Declined("http_402")),
        ({"code": "Card 4242 declined"}, Declined("http_402")),
        (
            {"payment_intent": intent(CHARGE, "requires_payment_method")},
            Declined("card_declined", "pi_1"),
        ),
    ],
)
def test_402_is_declined_with_the_decline_code_or_the_code(
    details: dict[str, Any], outcome: Declined
) -> None:
    assert classify(402, error("card_error", **{"code": "card_declined"} | details)) == outcome


@pytest.mark.parametrize("status", ["succeeded", "processing", "something_new", None])
def test_an_error_about_a_payment_that_may_be_charged_answers_nothing(status: str | None) -> None:
    found = {"payment_intent": intent(CHARGE) | {"status": status}}
    for code, kind in ((402, "card_error"), (400, "invalid_request_error")):
        assert isinstance(classify(code, error(kind, "card_declined", **found)), Unanswered)


@pytest.mark.parametrize("status", [400, 404])
def test_a_request_that_cannot_be_carried_out_is_declined_with_its_code(status: int) -> None:
    answer = error("invalid_request_error", "resource_missing", param="payment_method")
    assert classify(status, answer) == Declined("resource_missing")
    assert classify(status, error("invalid_request_error")) == Declined(f"http_{status}")


@pytest.mark.parametrize("status", [401, 403, 429])
def test_what_is_not_the_payers_fault_is_not_charged(status: int) -> None:
    assert isinstance(classify(status, error("invalid_request_error")), NotCharged)


def test_a_rate_limit_is_not_charged_whatever_its_status() -> None:
    answer = error("invalid_request_error", "rate_limit")
    assert classify(400, answer) == NotCharged("HTTP 400 rate_limit")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, error("idempotency_error")),
        (409, error("idempotency_error")),
        (409, error("invalid_request_error", "idempotency_key_in_use")),
        (409, error("invalid_request_error", "lock_timeout")),
        (400, error("invalid_request_error", "idempotency_key_in_use")),
        (402, error("invalid_request_error", "idempotency_key_in_use")),
        (400, error("api_error")),
        (500, error("api_error")),
        (502, error("api_error", "card_declined")),
        (503, error("card_error", "card_declined")),
        (424, error("invalid_request_error", "external_dependency_failed")),
        (201, intent(CHARGE)),
        (202, intent(CHARGE)),
        (302, {}),
    ],
)
def test_whatever_else_is_said_may_have_charged(status: int, answer: object) -> None:
    assert isinstance(classify(status, answer), Unanswered)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 409, 429, 500])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"error": "x"}', b"\xff", b"[" * 100_000]
)
def test_what_is_not_an_answer_of_stripes_may_have_charged(status: int, body: bytes) -> None:
    assert isinstance(classify_charge(status, body, CHARGE), Unanswered)


def test_outcomes_never_quote_the_message_of_an_error() -> None:
    for status in (400, 401, 402, 404, 409, 429, 500):
        for kind in ("card_error", "invalid_request_error", "idempotency_error", "api_error"):
            shown = repr(classify(status, error(kind)))
            assert "pm_secret" not in shown
            assert "sk_test" not in shown


@pytest.mark.parametrize("micros", [0, -10_000, 5_000, 25_000_001])
def test_an_amount_that_is_not_of_whole_cents_is_no_charge(micros: int) -> None:
    with pytest.raises(ValueError, match="whole cents"):
        make_charge(amount_micros=micros)


def test_a_charge_does_not_show_who_pays_with_what() -> None:
    charge = make_charge("pm_secret", customer="cus_secret")
    assert "secret" not in repr(charge)
