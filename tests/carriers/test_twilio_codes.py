"""The table of Twilio's codes against our taxonomy, and what the codes make of an answer."""

import json
from collections.abc import Mapping

import pytest

from outbound_sms.carriers import twilio_codes
from outbound_sms.carriers.carrier import InDoubt, ReceiptState, Refused, Throttled
from outbound_sms.carriers.twilio import classify
from outbound_sms.domain.reason import REASONS

# The reasons of the taxonomy that have codes of Twilio, row by row.
ROWS: Mapping[str, set[int]] = {
    "POLICY.OPTED_OUT": {21610},
    "NUMBER.INVALID": {21211, 21614},
    "NUMBER.LANDLINE_OR_UNROUTABLE": {21612, 30006},
    "NUMBER.UNKNOWN_HANDSET": {30005},
    "NUMBER.UNREACHABLE": {30003},
    "NUMBER.REGION_NOT_ALLOWED": {21408},
    "CONTENT.FILTERED_SPAM": {30007},
    "CONTENT.TOO_LONG": {21617},
    "CONTENT.EMPTY": {21602},
    "CARRIER.BLOCKED": {30004},
    "CARRIER.CONGESTION": {30017},
    "CARRIER.THROTTLED": {20429, 30022},
    "CARRIER.DAILY_CAP": {30023, 30027},
    "CARRIER.SYSTEM_ERROR": {30008, 30020, 30021},
    "SENDER.UNREGISTERED": {30024, 30032, 30034},
    "SENDER.NOT_OWNED": {21606},
    "SENDER.INVALID": {21703},
    "SENDER.QUEUE_FULL": {21611, 30001},
    "ACCOUNT.SUSPENDED": {30002},
    "EXPIRY.VALIDITY": {30036},
    "UNCERTAIN.OUTCOME_UNKNOWN": {30410},
}


def refusal(code: int, status: int = 400) -> tuple[int, bytes, None]:
    return status, json.dumps({"code": code, "message": "x", "status": status}).encode(), None


@pytest.mark.parametrize(
    ("reason", "code"), [(reason, code) for reason, codes in ROWS.items() for code in codes]
)
def test_every_code_of_the_taxonomy_has_the_reason_of_its_row(reason: str, code: int) -> None:
    assert twilio_codes.REASONS[code] == reason


def test_two_codes_of_warnings_are_no_reasons() -> None:
    # They say that half and 70 % of a day's texts are used, and come with no failure.
    assert not {30025, 30026} & twilio_codes.REASONS.keys()


@pytest.mark.parametrize("code", twilio_codes.REASONS)
def test_a_refusal_with_a_known_code_is_final_unless_it_says_not_now(code: int) -> None:
    reason = twilio_codes.REASONS[code]
    outcome = classify(*refusal(code))
    if code in twilio_codes.THROTTLING_CODES:
        assert outcome == Throttled(twilio_codes.THROTTLING_CODES[code], str(code))
    elif reason == "UNCERTAIN.OUTCOME_UNKNOWN":
        assert isinstance(outcome, InDoubt)
    else:
        assert outcome == Refused(reason, str(code), suppress=REASONS[reason].suppress)


def test_what_is_full_or_limited_is_tried_again_and_not_refused() -> None:
    groups = {
        "CARRIER.CONGESTION",
        "CARRIER.THROTTLED",
        "CARRIER.DAILY_CAP",
        "SENDER.QUEUE_FULL",
    }
    limited = {code for code, reason in twilio_codes.REASONS.items() if reason in groups}
    # The service is unavailable: Twilio asks for the request again, later.
    assert limited | {20503} == twilio_codes.THROTTLING_CODES.keys()


def test_a_daily_limit_is_asked_about_less_often_than_a_rate() -> None:
    for code, seconds in twilio_codes.THROTTLING_CODES.items():
        daily = twilio_codes.REASONS[code] == "CARRIER.DAILY_CAP"
        assert (seconds >= 600) == daily


def test_the_carriers_own_time_to_wait_counts_more_than_the_codes() -> None:
    status, body, _ = refusal(30023)
    assert classify(status, body, "7") == Throttled(7.0, "30023")


def test_only_what_has_not_left_the_carrier_is_told_as_not_charged() -> None:
    uncharged = {s for s, state in twilio_codes.STATES.items() if state is ReceiptState.FAILED}
    assert uncharged == {"failed", "canceled"}
    assert twilio_codes.STATES["undelivered"] is ReceiptState.UNDELIVERED
