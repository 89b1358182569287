"""What each answer of the carrier means: the outcome table, and the codes."""

import json

import pytest
from structlog.testing import capture_logs

from outbound_sms.carriers import twilio_codes
from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    MalformedReceipt,
    Outcome,
    Receipt,
    ReceiptState,
    Refused,
    Throttled,
)
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig, classify
from outbound_sms.domain.reason import REASONS
from tests.carriers.harness import form_callback

PERSONAL = "+14165550123"


def error(code: object) -> bytes:
    return json.dumps({"code": code, "message": f"about {PERSONAL}", "status": 400}).encode()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, b'{"sid": "SM1", "num_segments": "3"}', Accepted("SM1", 3)),
        (200, b'{"sid": "SM1", "num_segments": "1"}', Accepted("SM1", 1)),
        (201, b'{"sid": "SM1", "num_segments": "0"}', Accepted("SM1", None)),
        (201, b'{"sid": "SM1"}', Accepted("SM1", None)),
        (201, b'{"sid": "SM1", "num_segments": {"a": 1}}', Accepted("SM1", None)),
        (201, b'{"sid": "SM1", "status": "failed", "error_code": 30008}', Accepted("SM1", None)),
        (400, error(21211), Refused("NUMBER.INVALID", "21211")),
        (400, error(21614), Refused("NUMBER.INVALID", "21614")),
        (400, error(21408), Refused("NUMBER.REGION_NOT_ALLOWED", "21408")),
        (400, error(21606), Refused("SENDER.NOT_OWNED", "21606")),
        (400, error(21617), Refused("CONTENT.TOO_LONG", "21617")),
        (404, error(20404), Refused("ACCOUNT.AUTH", "20404")),
        (422, error(21602), Refused("CONTENT.EMPTY", "21602")),
        (403, error(21408), Refused("NUMBER.REGION_NOT_ALLOWED", "21408")),
        (401, error(20003), Refused("ACCOUNT.AUTH", "20003")),
        (401, b"", Refused("ACCOUNT.AUTH", "401")),
        (403, b"<html>", Refused("ACCOUNT.AUTH", "403")),
        (403, error(99999), Refused("ACCOUNT.AUTH", "99999")),
        (400, error(21610), Refused("POLICY.OPTED_OUT", "21610", suppress=True)),
        (400, error(20429), Throttled(1.0, "20429")),
        (429, error(20429), Throttled(1.0, "20429")),
        (429, b"slow down", Throttled(1.0, "429")),
        (400, error(21611), Throttled(1.0, "21611")),
    ],
)
def test_an_answer_that_says_plainly_what_happened_is_believed(
    status: int, body: bytes, outcome: Outcome
) -> None:
    assert classify(status, body, None) == outcome


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [b"", error(20500), error(20429), error(21211), b'{"sid": "SM1"}'])
def test_a_server_error_leaves_the_message_in_doubt_whatever_it_says(
    status: int, body: bytes
) -> None:
    assert isinstance(classify(status, body, "2"), InDoubt)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"SM1"',
        b"{}",
        b'{"sid": ""}',
        b'{"sid": null}',
        b'{"sid": 7}',
        b'{"sid": "SM\\u0000"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"sid": ' + b"1" * 5_000 + b"}",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_success_without_a_readable_id_leaves_the_message_in_doubt(body: bytes) -> None:
    assert isinstance(classify(201, body, None), InDoubt)


@pytest.mark.parametrize("status", [100, 204, 301, 302, 307, 308])
def test_a_redirect_or_an_empty_answer_leaves_the_message_in_doubt(status: int) -> None:
    assert isinstance(classify(status, b"", None), InDoubt)


@pytest.mark.parametrize(
    "body", [b"", b"<html>not found</html>", b"{}", error("21211"), error(True)]
)
def test_a_client_error_without_the_carriers_code_is_in_doubt_and_logged(body: bytes) -> None:
    with capture_logs() as logs:
        assert isinstance(classify(404, body, None), InDoubt)
    assert [entry["log_level"] for entry in logs] == ["error"]


def test_an_unknown_code_is_refused_as_unknown_and_logged_without_the_carriers_text() -> None:
    with capture_logs() as logs:
        assert classify(400, error(29999), None) == Refused("UNKNOWN.OTHER", "29999")
    assert [(entry["log_level"], entry["carrier_code"]) for entry in logs] == [("error", "29999")]
    assert PERSONAL not in repr(logs)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        (None, 1.0),
        ("", 1.0),
        ("soon", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0),
        ("1e9", 3600.0),
        ("inf", 3600.0),
        ("nan", 3600.0),
    ],
)
def test_the_time_to_wait_is_what_the_carrier_says_within_reason(
    header: str | None, seconds: float
) -> None:
    assert classify(429, error(20429), header) == Throttled(seconds, "20429")


def test_every_reason_of_the_code_table_is_in_the_taxonomy() -> None:
    used = set(twilio_codes.REASONS.values()) | {
        twilio_codes.UNAUTHORISED,
        twilio_codes.CANCELLED,
        twilio_codes.UNKNOWN,
    }
    assert used <= REASONS.keys()


def test_what_suppresses_in_the_code_table_suppresses_in_the_taxonomy() -> None:
    suppressing = {c for c, reason in twilio_codes.REASONS.items() if REASONS[reason].suppress}
    assert suppressing == twilio_codes.SUPPRESSING_CODES


def test_only_retryable_codes_throttle() -> None:
    for code in twilio_codes.THROTTLING_CODES:
        assert REASONS[twilio_codes.REASONS[code]].retryable


@pytest.fixture
def offline() -> TwilioCarrier:
    return TwilioCarrier(TwilioConfig("test", "AC1", "token"))


@pytest.mark.parametrize(
    ("status", "code", "receipt"),
    [
        ("accepted", None, Receipt("SM1", ReceiptState.QUEUED)),
        ("queued", None, Receipt("SM1", ReceiptState.QUEUED)),
        ("sending", "", Receipt("SM1", ReceiptState.QUEUED)),
        ("sent", "0", Receipt("SM1", ReceiptState.SENT)),
        ("delivered", None, Receipt("SM1", ReceiptState.DELIVERED)),
        ("read", None, Receipt("SM1", ReceiptState.DELIVERED)),
        (
            "undelivered",
            "30003",
            Receipt("SM1", ReceiptState.UNDELIVERED, "NUMBER.UNREACHABLE", "30003"),
        ),
        (
            "undelivered",
            "30006",
            Receipt("SM1", ReceiptState.UNDELIVERED, "NUMBER.LANDLINE_OR_UNROUTABLE", "30006"),
        ),
        (
            "failed",
            "30008",
            Receipt("SM1", ReceiptState.FAILED, "CARRIER.SYSTEM_ERROR", "30008"),
        ),
        ("failed", "21610", Receipt("SM1", ReceiptState.FAILED, "POLICY.OPTED_OUT", "21610")),
        ("failed", None, Receipt("SM1", ReceiptState.FAILED, "UNKNOWN.OTHER", None)),
        ("canceled", None, Receipt("SM1", ReceiptState.FAILED, "POLICY.CANCELLED", None)),
    ],
)
def test_a_receipt_says_what_became_of_the_message(
    offline: TwilioCarrier, status: str, code: str | None, receipt: Receipt
) -> None:
    form = [("MessageSid", "SM1"), ("MessageStatus", status), ("To", PERSONAL)]
    if code is not None:
        form.append(("ErrorCode", code))
    assert offline.parse_receipt(form_callback(form)) == receipt


@pytest.mark.parametrize("code", ["29999", "x", "-1", "²", "9" * 32])
def test_an_unknown_code_in_a_receipt_is_kept_and_logged(offline: TwilioCarrier, code: str) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": code}
    with capture_logs() as logs:
        receipt = offline.parse_receipt(form_callback(form))
    assert (receipt.reason, receipt.carrier_code) == ("UNKNOWN.OTHER", code)
    assert [entry["log_level"] for entry in logs] == ["error"]


def test_a_monstrous_code_in_a_receipt_is_cut(offline: TwilioCarrier) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "\0" + "9" * 5_000}
    with capture_logs():
        assert offline.parse_receipt(form_callback(form)).carrier_code == "9" * 31


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": "SM1"},
        {"MessageSid": "", "MessageStatus": "sent"},
        {"MessageSid": "SM\0", "MessageStatus": "sent"},
        {"MessageSid": "S" * 129, "MessageStatus": "sent"},
        {"MessageStatus": "sent"},
        {"MessageSid": "SM1", "MessageStatus": "received"},
        {"MessageSid": "SM1", "MessageStatus": "DELIVERED"},
    ],
)
def test_a_callback_that_says_nothing_usable_is_malformed(
    offline: TwilioCarrier, form: dict[str, str]
) -> None:
    with pytest.raises(MalformedReceipt):
        offline.parse_receipt(form_callback(form))


def test_the_secrets_are_not_in_the_configurations_text() -> None:
    config = TwilioConfig("test", "AC1", "first-secret", "second-secret")
    assert "secret" not in repr(config)
