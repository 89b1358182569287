"""What each answer of Telnyx means, and the table of its codes."""

import json

import pytest
from structlog.testing import capture_logs

from outbound_sms.carriers import telnyx_codes
from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    Outcome,
    ReceiptState,
    Refused,
    Throttled,
)
from outbound_sms.carriers.http_submission import Answer
from outbound_sms.carriers.telnyx import classify
from outbound_sms.domain.reason import REASONS
from tests.carriers.telnyx_server import error


def answer(status: int, said: object = None, **headers: str) -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refusal(*codes: object, status: int = 400, **headers: str) -> Answer:
    return answer(status, {"errors": [error(code) for code in codes]}, **headers)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (answer(200, {"data": {"id": "m-1", "parts": 3}}), Accepted("m-1", 3)),
        (answer(202, {"data": {"id": "m-1", "parts": 1, "errors": []}}), Accepted("m-1", 1)),
        (answer(200, {"data": {"id": "m-1"}}), Accepted("m-1", None)),
        (answer(200, {"data": {"id": "m-1", "parts": 0}}), Accepted("m-1", None)),
        (answer(200, {"data": {"id": "m-1", "parts": True}}), Accepted("m-1", None)),
        (answer(200, {"data": {"id": "m-1", "parts": "2"}}), Accepted("m-1", None)),
        (answer(200, {"data": {"id": "m-1", "parts": 10**12}}), Accepted("m-1", None)),
        (refusal("40310"), Refused("NUMBER.INVALID", "40310")),
        (refusal(40310), Refused("NUMBER.INVALID", "40310")),
        (refusal("40300", status=403), Refused("POLICY.OPTED_OUT", "40300", suppress=True)),
        (refusal("40300"), Refused("POLICY.OPTED_OUT", "40300", suppress=True)),
        (refusal("40305", status=422), Refused("SENDER.NOT_OWNED", "40305")),
        (refusal("40001", "40002"), Refused("NUMBER.LANDLINE_OR_UNROUTABLE", "40001")),
        (refusal(None, "40316"), Refused("CONTENT.EMPTY", "40316")),
        (refusal("10009", status=401), Refused("ACCOUNT.AUTH", "10009")),
        (answer(401, b""), Refused("ACCOUNT.AUTH", "401")),
        (answer(403, b"<html>"), Refused("ACCOUNT.AUTH", "403")),
        (refusal("99999", status=401), Refused("ACCOUNT.AUTH", "99999")),
        (refusal("10010", status=403), Refused("SENDER.NOT_OWNED", "10010")),
        (refusal("10011", status=429), Throttled(1.0, "10011")),
        (refusal("10011", status=429, Retry_After="7"), Throttled(7.0, "10011")),
        (refusal("10011", status=429, x_ratelimit_reset="12"), Throttled(12.0, "10011")),
        (answer(429, b"slow down"), Throttled(1.0, "429")),
        (refusal("40310", status=429), Throttled(1.0, "40310")),
        (refusal("40318", status=403), Throttled(60.0, "40318")),
        (refusal("40318", Retry_After="5"), Throttled(5.0, "40318")),
    ],
)
def test_an_answer_that_says_plainly_what_happened_is_believed(
    said: Answer, outcome: Outcome
) -> None:
    assert classify(said) == outcome


@pytest.mark.parametrize("status", [100, 301, 302, 307, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    "said", [b"", {"errors": [error("40310")]}, {"data": {"id": "m-1"}}], ids=["", "error", "id"]
)
def test_what_is_neither_a_success_nor_the_clients_fault_is_in_doubt(
    status: int, said: object
) -> None:
    assert isinstance(classify(answer(status, said)), InDoubt)


@pytest.mark.parametrize("code", ["10007", "10008"])
def test_a_fault_of_telnyxs_own_is_in_doubt_whatever_its_status(code: str) -> None:
    assert classify(refusal(code)) == InDoubt(f"HTTP 400 with code {code}")


def test_a_time_out_of_the_server_is_in_doubt() -> None:
    assert isinstance(classify(refusal("40310", status=408)), InDoubt)


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"m-1"',
    b"{}",
    b'{"data": null}',
    b'{"data": []}',
    b'{"data": {"id": ""}}',
    b'{"data": {"id": 7}}',
    b'{"data": {"id": "two words"}}',
    b'{"data": {"id": "m\\u0000"}}',
    b'{"data": {"id": "\\ud800"}}',
    b'{"data": {"id": "' + b"m" * 129 + b'"}}',
    b'{"data": {"id": ' + b"1" * 5_000 + b"}}",
    b'{"errors": {"code": "40310"}}',
    b'{"errors": "40310"}',
    b'{"errors": [7, null, [], {"code": true}, {"code": 1.5}, {"code": ""}, {"code": -1}]}',
    b'{"errors": [{"code": ' + b"1" * 4_000 + b"}]}",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"data": ' * 50_000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_an_answer_that_cannot_be_read_leaves_the_message_in_doubt(
    status: int, body: bytes
) -> None:
    with capture_logs() as logs:
        assert isinstance(classify(answer(status, body)), InDoubt)
    assert len(logs) == (status != 200)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_an_unknown_code_refuses_and_is_kept_and_logged_without_its_text(status: int) -> None:
    with capture_logs() as logs:
        assert classify(refusal("29999", status=status)) == Refused("UNKNOWN.OTHER", "29999")
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "555" not in str(logs)


def test_a_monstrous_code_is_cut() -> None:
    with capture_logs():
        outcome = classify(refusal("\0\ud800" + "9" * 5_000))
    assert outcome == Refused("UNKNOWN.OTHER", "9" * 30)


@pytest.mark.parametrize("code", telnyx_codes.REASONS)
def test_a_refusal_with_a_known_code_is_final_unless_it_says_not_now(code: str) -> None:
    reason = telnyx_codes.REASONS[code]
    if code in telnyx_codes.THROTTLING_CODES:
        expected: Outcome = Throttled(telnyx_codes.THROTTLING_CODES[code], code)
    else:
        expected = Refused(reason, code, suppress=REASONS[reason].suppress)
    with capture_logs() as logs:
        assert classify(refusal(code)) == expected
    assert logs == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("40300", "POLICY.OPTED_OUT"),
        ("40012", "NUMBER.INVALID"),
        ("40001", "NUMBER.LANDLINE_OR_UNROUTABLE"),
        ("40002", "CONTENT.FILTERED_SPAM"),
        ("40003", "CONTENT.FILTERED_SPAM"),
        ("40009", "CONTENT.ENCODING"),
        ("40011", "CARRIER.THROTTLED"),
        ("40005", "EXPIRY.VALIDITY"),
        ("40014", "EXPIRY.VALIDITY"),
    ],
)
def test_every_code_of_the_taxonomy_has_the_reason_of_its_row(code: str, reason: str) -> None:
    assert telnyx_codes.REASONS[code] == reason


def test_what_is_full_or_limited_is_tried_again_and_not_refused() -> None:
    groups = {"CARRIER.THROTTLED", "CARRIER.DAILY_CAP", "SENDER.QUEUE_FULL"}
    limited = {code for code, reason in telnyx_codes.REASONS.items() if reason in groups}
    assert limited == telnyx_codes.THROTTLING_CODES.keys()


def test_the_table_names_known_reasons_and_suppresses_only_what_the_taxonomy_does() -> None:
    assert set(telnyx_codes.REASONS.values()) <= REASONS.keys()
    suppressing = {c for c, reason in telnyx_codes.REASONS.items() if REASONS[reason].suppress}
    assert suppressing == telnyx_codes.SUPPRESSING_CODES
    assert not telnyx_codes.IN_DOUBT_CODES & telnyx_codes.REASONS.keys()


def test_only_what_is_said_of_the_whole_account_stops_every_sender() -> None:
    account = {c for c, reason in telnyx_codes.REASONS.items() if reason.startswith("ACCOUNT.")}
    assert account == {"10009", "20002", "20006", "20012", "20013", "20100", "40314"}


def test_only_what_has_not_left_the_carrier_is_told_as_not_charged() -> None:
    uncharged = {s for s, state in telnyx_codes.STATES.items() if state is ReceiptState.FAILED}
    assert uncharged == {"sending_failed"}
