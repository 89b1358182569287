"""What a deliver_sm brings: receipts in every form that SMSCs write, and texts of people."""

from dataclasses import replace

import pytest

from outbound_sms.carriers.carrier import MalformedReceipt, Receipt, ReceiptState
from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.message_state import REASONS, STATES, WORDS, MessageState
from outbound_sms.carriers.smpp.pdu import Address, ShortMessage
from outbound_sms.carriers.smpp.receipt_text import MessageIds, read_receipt, text_of
from outbound_sms.carriers.smpp.tlv import Tag
from outbound_sms.domain.reason import REASONS as TAXONOMY

SENT, DELIVERED = ReceiptState.SENT, ReceiptState.DELIVERED
UNDELIVERED, FAILED = ReceiptState.UNDELIVERED, ReceiptState.FAILED
PHONE, OURS = Address(1, 1, "14165550123"), Address(1, 1, "12125550101")
USUAL = (
    "id:123456 sub:001 dlvrd:001 submit date:2611231500 done date:2611231501 "
    "stat:DELIVRD err:000 text:Hello from your ISP"
)
ID, STATE, ERROR = Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE
AS_GIVEN = MessageIds.AS_GIVEN


def message(text: str = "", esm_class: int = 0, **tlvs: bytes) -> ShortMessage:
    return ShortMessage(
        PHONE,
        OURS,
        esm_class=esm_class,
        short_message=text.encode("latin-1"),
        tlvs={int(Tag[name]): value for name, value in tlvs.items()},
    )


def read(text: str, esm_class: int = 4, **tlvs: bytes) -> Receipt:
    receipt = read_receipt(message(text, esm_class, **tlvs), AS_GIVEN)
    assert receipt is not None
    return receipt


def test_the_usual_text_is_read() -> None:
    assert read(USUAL) == Receipt("123456", DELIVERED, recipient="+14165550123")


@pytest.mark.parametrize("esm_class", [0, 0x03, 0x04, 0x07, 0x84, 0x10])
def test_the_form_of_the_text_is_enough(esm_class: int) -> None:
    assert read(USUAL, esm_class) == Receipt("123456", DELIVERED, recipient="+14165550123")


@pytest.mark.parametrize(
    "text",
    [
        USUAL.upper(),
        USUAL.replace(":", ": "),
        USUAL.replace(":", " : "),
        USUAL.replace(" ", "  "),
        USUAL.replace(" ", "\r\n").replace("submit\r\n", "submit ").replace("done\r\n", "done "),
        USUAL.replace("submit date", "submit_date").replace("done date", "donedate"),
        "id:123456 stat:DELIVRD",
        "stat:DELIVRD id:123456",
        "STAT:DELIVRD Err:000 ID:123456 Text:",
        "\r\n" + USUAL + "\r\n",
        "id:123456 sub:001 dlvrd:001 submit date:2611231500 done date:2611231501 stat:DELIVRD",
        "id:123456 sub:1 dlvrd:1 submit date:261123150000 done date:261123150001 "
        "stat:DELIVRD err:0 text:",
        "id:123456 submit date:2026-11-23 15:00:00 done date:2026-11-23 15:00:01 stat:DELIVERED",
        USUAL.replace("Hello from your ISP", "your id:7 stat:EXPIRED err:9"),
        USUAL.replace("Hello from your ISP", "your id:7 stat:EXPIRED err:9").upper(),
        "err:000 done date:2611231501 submit date:2611231500 dlvrd:001 sub:001 stat:delivrd "
        "id:123456 text:Hello",
    ],
)
@pytest.mark.parametrize("esm_class", [0, 4])
def test_case_order_gaps_and_spaces_do_not_matter(text: str, esm_class: int) -> None:
    assert read(text, esm_class) == Receipt("123456", DELIVERED, recipient="+14165550123")


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "",
        "My id: 12 stat: no idea",
        "id:123456 is not working, stat!",
        "id:123456",
        "stat:DELIVRD",
        "id: stat:DELIVRD",
        "id:12 stat:great",
        "text: hello id:123456",
        "Is this right? " + USUAL,
        "idea: statue",
        "id:" + "x" * 65 + " stat:DELIVRD",
    ],
)
def test_a_text_of_a_person_is_no_receipt(text: str) -> None:
    assert read_receipt(message(text), AS_GIVEN) is None


def test_an_answer_that_a_phone_marks_as_acknowledgement_of_its_user_is_a_text() -> None:
    assert read_receipt(message("STOP", 0x10), AS_GIVEN) is None
    assert read(USUAL, 0x10).state is DELIVERED


@pytest.mark.parametrize("esm_class", [0, 0x04])
def test_parameters_are_enough(esm_class: int) -> None:
    receipt = read("", esm_class, RECEIPTED_MESSAGE_ID=b"123456\0", MESSAGE_STATE=b"\2")
    assert receipt == Receipt("123456", DELIVERED, recipient="+14165550123")


def test_parameters_win_over_the_text() -> None:
    receipt = read(
        USUAL, RECEIPTED_MESSAGE_ID=b"77", MESSAGE_STATE=b"\5", NETWORK_ERROR_CODE=b"\3\0\x1b"
    )
    assert receipt == Receipt(
        "77", UNDELIVERED, "NUMBER.UNREACHABLE", "3:27", recipient="+14165550123"
    )


@pytest.mark.parametrize(
    "tlvs",
    [
        {"RECEIPTED_MESSAGE_ID": b"123456"},
        {"MESSAGE_STATE": b"\2"},
        {"RECEIPTED_MESSAGE_ID": b"", "MESSAGE_STATE": b""},
        {"RECEIPTED_MESSAGE_ID": b"\0", "MESSAGE_STATE": b"\x63"},
        {"MESSAGE_STATE": b"\0\2"},
    ],
)
def test_what_the_parameters_leave_out_the_text_says(tlvs: dict[str, bytes]) -> None:
    assert read(USUAL, 4, **tlvs) == Receipt("123456", DELIVERED, recipient="+14165550123")


@pytest.mark.parametrize(
    ("word", "number", "state", "reason"),
    [
        ("ENROUTE", 1, SENT, None),
        ("DELIVRD", 2, DELIVERED, None),
        ("EXPIRED", 3, UNDELIVERED, "EXPIRY.VALIDITY"),
        ("DELETED", 4, FAILED, "POLICY.CANCELLED"),
        ("UNDELIV", 5, UNDELIVERED, "UNKNOWN.OTHER"),
        ("ACCEPTD", 6, SENT, None),
        ("UNKNOWN", 7, SENT, None),
        ("REJECTD", 8, FAILED, "CARRIER.BLOCKED"),
    ],
)
def test_each_state_has_its_meaning_in_text_and_number(
    word: str, number: int, state: ReceiptState, reason: str | None
) -> None:
    expected = Receipt("123456", state, reason, recipient="+14165550123")
    assert read(USUAL.replace("DELIVRD", word)) == expected
    assert read("", RECEIPTED_MESSAGE_ID=b"123456", MESSAGE_STATE=bytes((number,))) == expected


def test_every_state_is_mapped_and_every_reason_is_of_the_taxonomy() -> None:
    assert set(STATES) == set(WORDS.values()) == set(MessageState)
    assert set(REASONS.values()) <= set(TAXONOMY)
    failing = {state for state in MessageState if STATES[state] in (UNDELIVERED, FAILED)}
    assert failing == {*REASONS, MessageState.UNDELIVERABLE}


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (b"\x03\x00\x01", "NUMBER.UNKNOWN_HANDSET", "3:1"),
        (b"\x03\x00\x06", "NUMBER.UNREACHABLE", "3:6"),
        (b"\x03\x00\x0b", "NUMBER.LANDLINE_OR_UNROUTABLE", "3:11"),
        (b"\x03\x00\x0d", "CARRIER.BLOCKED", "3:13"),
        (b"\x03\x00\x22", "CARRIER.SYSTEM_ERROR", "3:34"),
        (b"\x03\x01\x01", "UNKNOWN.OTHER", "3:257"),
        (b"\x02\x00\x01", "UNKNOWN.OTHER", "2:1"),
        (b"\x03\x00\x00", "UNKNOWN.OTHER", None),
        (b"\x03\x00", "UNKNOWN.OTHER", None),
    ],
)
def test_an_error_of_a_gsm_network_says_why(error: bytes, reason: str, code: str | None) -> None:
    receipt = read(USUAL.replace("DELIVRD", "UNDELIV"), NETWORK_ERROR_CODE=error)
    assert (receipt.state, receipt.reason, receipt.carrier_code) == (UNDELIVERED, reason, code)


@pytest.mark.parametrize(
    ("err", "code"),
    [
        ("004", "004"),
        ("000", None),
        ("", None),
        ("69", "69"),
        ("0x45", "0x45"),
        ("7 x", "7"),
        ("-", None),
    ],
)
def test_the_error_of_the_text_is_the_code(err: str, code: str | None) -> None:
    usual = USUAL.replace("DELIVRD", "UNDELIV").replace("err:000", f"err:{err}")
    for text in (usual, usual.lower()):
        receipt = read(text)
        assert (receipt.reason, receipt.carrier_code) == ("UNKNOWN.OTHER", code)


@pytest.mark.parametrize("esm_class", [0x20, 0x23, 0xA0])
@pytest.mark.parametrize("number", range(1, 9))
def test_an_intermediate_notification_settles_nothing(number: int, esm_class: int) -> None:
    receipt = read("", esm_class, RECEIPTED_MESSAGE_ID=b"9", MESSAGE_STATE=bytes((number,)))
    assert (receipt.state, receipt.reason) == (SENT, None)


@pytest.mark.parametrize(
    ("source", "recipient"),
    [
        (Address(0, 0, "4165550123"), "+14165550123"),
        (Address(5, 0, "Someone"), None),
        (Address(0, 0, ""), None),
    ],
)
def test_the_recipient_is_the_source_where_it_is_a_number(
    source: Address, recipient: str | None
) -> None:
    receipt = read_receipt(replace(message(USUAL), source=source), AS_GIVEN)
    assert receipt is not None
    assert receipt.recipient == recipient


@pytest.mark.parametrize(
    ("value", "reference"), [(b"\x12\x34", 0x1234), (b"\0\0", 0), (b"\1", None), (b"", None)]
)
def test_the_reference_is_what_comes_back(value: bytes, reference: int | None) -> None:
    assert read(USUAL, USER_MESSAGE_REFERENCE=value).reference == reference


@pytest.mark.parametrize("esm_class", [0x04, 0x07, 0x44, 0x84, 0x08, 0x20])
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "id"),
        ("Your message was delivered", "id"),
        ("stat:DELIVRD", "id"),
        ("id:1 2 stat:DELIVRD", "id"),
        ("id:a\x01b stat:DELIVRD", "id"),
        ("id:" + "9" * 65 + " stat:DELIVRD", "id"),
        ("id:123456", "state"),
        ("id:123456 stat:SECRETWORD", "state"),
    ],
)
def test_a_receipt_without_id_or_state_is_refused(text: str, what: str, esm_class: int) -> None:
    with pytest.raises(MalformedReceipt, match=what) as refused:
        read_receipt(message(text, esm_class), AS_GIVEN)
    assert "SECRETWORD" not in str(refused.value)


def test_a_receipt_that_only_its_id_tells_is_refused_without_a_state() -> None:
    with pytest.raises(MalformedReceipt):
        read_receipt(message("hello", RECEIPTED_MESSAGE_ID=b"1"), AS_GIVEN)


def test_a_receipt_may_come_as_payload_as_ucs2_and_behind_a_header() -> None:
    expected = Receipt("123456", DELIVERED, recipient="+14165550123")
    payload = message("", 4, MESSAGE_PAYLOAD=USUAL.encode())
    wide = replace(message(), data_coding=8, short_message=USUAL.encode("utf-16-be"))
    headed = replace(
        message(USUAL, 0x44), short_message=b"\x05\x00\x03\x01\x01\x01" + USUAL.encode()
    )
    for form in (payload, wide, headed):
        assert read_receipt(form, AS_GIVEN) == expected


def test_only_the_start_of_a_receipt_is_read() -> None:
    usual = USUAL.encode()
    assert read("", MESSAGE_PAYLOAD=b" " * 850 + usual).state is DELIVERED
    with pytest.raises(MalformedReceipt):
        read("", MESSAGE_PAYLOAD=b" " * 1024 + usual)


@pytest.mark.parametrize(
    ("inbound", "text"),
    [
        (message("STOP"), "STOP"),
        (message(""), ""),
        (message("", MESSAGE_PAYLOAD=b"STOP"), "STOP"),
        (message("STOP", MESSAGE_PAYLOAD=b""), "STOP"),
        (replace(message(), short_message=b"\x05\x00\x03\x01\x02\x01STOP", esm_class=0x40), "STOP"),
        (message("", 0x40, MESSAGE_PAYLOAD=b"\x05\x00\x03\x01\x02\x01STOP"), "STOP"),
        (message("STOP", 0x40), "STOP"),
        (message("", 0x40), ""),
        (replace(message(), short_message=b"\0S\0T\0O\0P", data_coding=8), "STOP"),
        (message("\x00\x02\x1b<"), "@$["),
    ],
)
def test_a_text_is_read_without_its_header(inbound: ShortMessage, text: str) -> None:
    assert text_of(inbound, Alphabet.GSM7) == text
