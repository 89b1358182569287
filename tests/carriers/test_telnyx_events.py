"""What the adapter reads from the events that Telnyx calls us with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from outbound_sms.carriers.carrier import (
    Inbound,
    MalformedInbound,
    MalformedReceipt,
    Receipt,
    ReceiptState,
)
from outbound_sms.carriers.telnyx_events import read_receipt, read_text
from tests.carriers.telnyx_server import error, event, inbound_payload

SUBSCRIBER, OURS = "+14165550123", "+12125550100"


def outbound(status: object, *errors: object, kind: str = "message.finalized") -> bytes:
    recipient = {"phone_number": SUBSCRIBER, "status": status, "carrier": "X"}
    return event(kind, {"id": "m-1", "to": [recipient], "errors": list(errors)})


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        (outbound("queued"), Receipt("m-1", ReceiptState.QUEUED)),
        (outbound("sending"), Receipt("m-1", ReceiptState.QUEUED)),
        (outbound("sent", kind="message.sent"), Receipt("m-1", ReceiptState.SENT)),
        (outbound("delivered"), Receipt("m-1", ReceiptState.DELIVERED)),
        (outbound("read", kind="message.read"), Receipt("m-1", ReceiptState.DELIVERED)),
        (outbound("delivery_unconfirmed"), Receipt("m-1", ReceiptState.SENT)),
        (
            outbound("delivery_failed", error("40001")),
            Receipt("m-1", ReceiptState.UNDELIVERED, "NUMBER.LANDLINE_OR_UNROUTABLE", "40001"),
        ),
        (
            outbound("delivery_failed", error(40002)),
            Receipt("m-1", ReceiptState.UNDELIVERED, "CONTENT.FILTERED_SPAM", "40002"),
        ),
        (
            outbound("sending_failed", error("40014")),
            Receipt("m-1", ReceiptState.FAILED, "EXPIRY.VALIDITY", "40014"),
        ),
        (
            outbound("sending_failed", error("40008")),
            Receipt("m-1", ReceiptState.FAILED, "UNKNOWN.OTHER", "40008"),
        ),
        (outbound("expired"), Receipt("m-1", ReceiptState.UNDELIVERED, "EXPIRY.VALIDITY")),
        (outbound("sending_failed"), Receipt("m-1", ReceiptState.FAILED, "UNKNOWN.OTHER")),
        (
            event(
                "message.finalized",
                {"id": "m-1", "to": [{"status": "sending_failed"}], "errors": 7},
            ),
            Receipt("m-1", ReceiptState.FAILED, "UNKNOWN.OTHER"),
        ),
    ],
)
def test_a_receipt_says_what_became_of_the_message(body: bytes, receipt: Receipt) -> None:
    with capture_logs() as logs:
        assert read_receipt(body) == receipt
    assert logs == []


def test_an_unknown_code_in_a_receipt_is_kept_and_logged_without_its_text() -> None:
    with capture_logs() as logs:
        receipt = read_receipt(outbound("delivery_failed", error("49999")))
    assert (receipt.reason, receipt.carrier_code) == ("UNKNOWN.OTHER", "49999")
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "555" not in str(logs)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "data"),
        (b"{", "data"),
        (b"[]", "data"),
        (b"[" * 100_000, "data"),
        (b'{"data": ' * 50_000, "data"),
        (b'{"data": ' + b"9" * 5_000 + b"}", "data"),
        (b"\xff\xfe", "data"),
        (b"MessageSid=SM1&MessageStatus=delivered", "data"),
        (b'{"data": []}', "data"),
        (b'{"data": {}}', "event_type"),
        (b'{"data": {"event_type": ["message.finalized"]}}', "event_type"),
        (b'{"data": {"event_type": {"a": 1}}}', "event_type"),
        (outbound("delivered", kind="message.received"), "event_type"),
        (outbound("delivered", kind="call.hangup"), "event_type"),
        (b'{"data": {"event_type": "message.sent", "payload": 7}}', "payload"),
        (event("message.sent", {}), "payload.id"),
        (event("message.sent", {"id": ["m-1"]}), "payload.id"),
        (event("message.sent", {"id": "two words"}), "payload.id"),
        (event("message.sent", {"id": "m" * 129}), "payload.id"),
        (event("message.sent", {"id": "m-1"}), "payload.to"),
        (event("message.sent", {"id": "m-1", "to": []}), "payload.to"),
        (event("message.sent", {"id": "m-1", "to": ["x"]}), "payload.to"),
        (event("message.sent", {"id": "m-1", "to": [{"status": "sent"}] * 2}), "payload.to"),
        (outbound(None), "payload.to.status"),
        (outbound(["delivered"]), "payload.to.status"),
        (outbound("DELIVERED"), "payload.to.status"),
        (outbound("webhook_delivered"), "payload.to.status"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_says_nothing_of_a_message_is_malformed_by_the_fields_name(
    body: bytes, field: str
) -> None:
    with pytest.raises(MalformedReceipt, match=f"^{field} is") as refused:
        read_receipt(body)
    assert "555" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "STOP"),
        ({"text": ""}, ""),
        ({"text": "ARRÊT ☎ \N{GRINNING FACE}"}, "ARRÊT ☎ \N{GRINNING FACE}"),
        ({"text": "a\0b\ud800c"}, "a\ufffdb\ufffdc"),
        ({"type": "MMS", "text": None, "media": [{"url": "https://m.example.net"}]}, ""),
        ({"to": {"phone_number": OURS}}, "STOP"),
        ({"to": [{"phone_number": OURS}, {"phone_number": "+14165550199"}]}, "STOP"),
    ],
)
def test_a_text_is_read(changes: dict[str, Any], text: str) -> None:
    read = read_text(event("message.received", inbound_payload(**changes)))
    assert read == Inbound("7ee4241c-f127-47e5-9c34-3aac291f8058", SUBSCRIBER, OURS, text)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "payload.id"),
        ({"id": 7}, "payload.id"),
        ({"from": None}, "payload.from"),
        ({"from": SUBSCRIBER}, "payload.from"),
        ({"from": [{"phone_number": SUBSCRIBER}]}, "payload.from"),
        ({"from": {"phone_number": "22395"}}, "payload.from"),
        ({"from": {"phone_number": "ISP"}}, "payload.from"),
        ({"from": {"phone_number": SUBSCRIBER + "\n"}}, "payload.from"),
        ({"from": {"phone_number": 14165550123}}, "payload.from"),
        ({"to": []}, "payload.to"),
        ({"to": OURS}, "payload.to"),
        ({"to": [[]]}, "payload.to"),
        ({"to": [{"phone_number": "12125550100"}]}, "payload.to"),
        ({"text": None}, "payload.text"),
        ({"text": {"body": "STOP"}}, "payload.text"),
    ],
)
def test_what_is_no_text_between_phone_numbers_is_malformed(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedInbound, match=f"^{field} is") as refused:
        read_text(event("message.received", inbound_payload(**changes)))
    assert "555" not in str(refused.value)


def test_a_receipt_is_no_text() -> None:
    with pytest.raises(MalformedInbound, match="^event_type"):
        read_text(outbound("delivered"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["m-1", "delivered", "40001", "MMS", SUBSCRIBER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "to", "from", "status", "phone_number", "errors", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["message.received", "message.finalized"]),
    st.dictionaries(
        st.sampled_from(["id", "to", "from", "text", "type", "errors"]), json_values, max_size=6
    ),
)
def test_nothing_but_malformed_is_raised_whatever_an_event_holds(
    kind: str, payload: dict[str, Any]
) -> None:
    body = event(kind, payload)
    with capture_logs():
        try:
            receipt = read_receipt(body)
            assert receipt.carrier_message_id
        except MalformedReceipt:
            pass
        try:
            assert read_text(body).body.encode()
        except MalformedInbound:
            assert True


@given(st.binary(max_size=200))
def test_nothing_but_malformed_is_raised_for_any_bytes(body: bytes) -> None:
    with pytest.raises(MalformedReceipt):
        read_receipt(body)
    with pytest.raises(MalformedInbound):
        read_text(body)
