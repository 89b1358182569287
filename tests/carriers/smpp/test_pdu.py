"""Headers, the stream, and the smaller bodies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.carriers.smpp.commands import MEANINGS, RESPONSE, Command, Status
from outbound_sms.carriers.smpp.pdu import (
    MalformedPdu,
    Pdu,
    PduReader,
    decode_bind_response,
    decode_submit_response,
    encode_bind,
    encode_pdu,
    relative_validity,
)

UNHURRIED = settings(deadline=None)
ENQUIRE_LINK = bytes.fromhex("00000010 00000015 00000000 00000001")
SUBMIT_RESPONSE = bytes.fromhex("00000013 80000004 00000058 7fffffff") + b"17\0"
TWO = ENQUIRE_LINK + SUBMIT_RESPONSE
BOTH = [Pdu(0x15, 0, 1, b""), Pdu(0x80000004, 0x58, 0x7FFFFFFF, b"17\0")]


def test_a_header_has_length_command_status_and_sequence() -> None:
    assert encode_pdu(Command.ENQUIRE_LINK, 1) == ENQUIRE_LINK
    made = encode_pdu(Command.SUBMIT_SM_RESP, 0x7FFFFFFF, b"17\0", Status.ESME_RTHROTTLED)
    assert made == SUBMIT_RESPONSE


def test_pdus_are_read_one_by_one_and_together() -> None:
    reader = PduReader()
    assert reader.feed(ENQUIRE_LINK) == BOTH[:1]
    assert reader.feed(SUBMIT_RESPONSE) == BOTH[1:]
    assert reader.feed(TWO) == BOTH
    assert reader.feed(b"") == []


@UNHURRIED
@given(cuts=st.lists(st.integers(0, 3 * len(TWO)), max_size=12))
def test_pdus_are_read_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = TWO * 3
    reader = PduReader()
    edges = [0, *sorted(cuts), len(stream)]
    read = [
        pdu
        for start, end in zip(edges, edges[1:], strict=False)
        for pdu in reader.feed(stream[start:end])
    ]
    assert read == BOTH * 3


def test_pdus_are_read_octet_by_octet_as_soon_as_they_are_whole() -> None:
    reader = PduReader()
    counts = [len(reader.feed(bytes((octet,)))) for octet in TWO]
    assert [at for at, count in enumerate(counts, 1) if count] == [16, 35]


@pytest.mark.parametrize("length", [0, 1, 15, 101, 0x80000000, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_refused_as_soon_as_it_is_there(length: int) -> None:
    reader = PduReader(largest=100)
    with pytest.raises(MalformedPdu, match="command_length"):
        reader.feed(length.to_bytes(4, "big"))
    with pytest.raises(MalformedPdu):
        reader.feed(ENQUIRE_LINK)


def test_the_largest_pdu_is_still_read() -> None:
    assert len(PduReader(largest=100).feed(encode_pdu(5, 1, bytes(84)))[0].body) == 84
    assert len(PduReader().feed(encode_pdu(5, 1, bytes(69_984)))[0].body) == 69_984


def test_what_came_whole_before_a_malformed_pdu_is_not_lost() -> None:
    reader = PduReader()
    assert reader.feed(TWO + b"\0\0\0\x0f") == BOTH
    with pytest.raises(MalformedPdu):
        reader.feed(b"")


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Status)


def test_every_request_with_an_answer_has_its_response() -> None:
    alone = {Command.OUTBIND, Command.ALERT_NOTIFICATION}
    requests = {command for command in Command if command < RESPONSE} - alone
    answers = {command for command in Command if command > RESPONSE}
    assert {command | RESPONSE for command in requests} == answers


def test_a_bind_has_all_its_fields_in_order() -> None:
    assert encode_bind("us", "secret") == b"us\0secret\0\0\x34\0\0\0"
    body = encode_bind(
        "us",
        "secret",
        "type",
        interface_version=0x33,
        addr_ton=1,
        addr_npi=2,
        address_range="^1212",
    )
    assert body == b"us\0secret\0type\0\x33\1\2^1212\0"


@pytest.mark.parametrize("field", ["system_id", "password", "system_type", "address_range"])
@pytest.mark.parametrize("value", ["a\0b", "é"])
def test_a_bind_with_what_is_no_ascii_is_refused_by_name(field: str, value: str) -> None:
    fields = {"system_id": "us", "password": "secret", field: value}
    with pytest.raises(ValueError, match=field) as refused:
        encode_bind(**fields)  # type: ignore[arg-type]
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"SMSC\0", ("SMSC", {})),
        (b"SMSC\0\x02\x10\0\x01\x34", ("SMSC", {0x210: b"\x34"})),
        (b"", ("", {})),
        (b"SMSC", ("SMSC", {})),
    ],
)
def test_a_bind_response_is_read_with_its_parameters(
    body: bytes, expected: tuple[str, dict[int, bytes]]
) -> None:
    assert decode_bind_response(body) == expected


def test_a_bind_response_with_torn_parameters_is_refused() -> None:
    with pytest.raises(MalformedPdu):
        decode_bind_response(b"SMSC\0\x02\x10\0")


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b"17\0", "17"),
        (b"17\0\0", "17"),
        (b"17", "17"),
        (b" 17 \0", "17"),
        (b"", ""),
        (b"\0", ""),
        (b"x" * 64 + b"\0", "x" * 64),
    ],
)
def test_a_message_id_is_read_with_and_without_its_end(body: bytes, message_id: str) -> None:
    assert decode_submit_response(body) == message_id


def test_a_message_id_of_more_than_64_octets_is_refused() -> None:
    with pytest.raises(MalformedPdu, match="message_id"):
        decode_submit_response(b"x" * 65 + b"\0")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, "000000000001000R"),
        (59, "000000000059000R"),
        (4 * 3600, "000000040000000R"),
        (86_400 + 2 * 3600 + 3 * 60 + 4, "000001020304000R"),
        (30 * 86_400, "000030000000000R"),
        (30 * 86_400 + 1, "000030000000000R"),
        (0, "000000000001000R"),
        (-5, "000000000001000R"),
    ],
)
def test_a_validity_is_written_as_time_from_now(seconds: int, expected: str) -> None:
    assert relative_validity(seconds) == expected
