"""submit_sm and deliver_sm: every field, byte for byte, and what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.carriers.smpp.pdu import (
    Address,
    MalformedPdu,
    ShortMessage,
    decode_message,
    encode_message,
)

UNHURRIED = settings(deadline=None)
FULL = ShortMessage(
    source=Address(1, 1, "12125550101"),
    destination=Address(2, 8, "4165550123"),
    esm_class=0x40,
    data_coding=8,
    registered_delivery=0x11,
    short_message=b"Hello",
    tlvs={0x0204: b"\x12\x34", 0x0427: b"\x02"},
    service_type="CMT",
    protocol_id=0x41,
    priority_flag=3,
    schedule_delivery_time="261123150000000+",
    validity_period="000000040000000R",
    replace_if_present_flag=1,
    sm_default_msg_id=9,
)
FULL_BODY = (
    b"CMT\0"
    b"\x01\x0112125550101\0"
    b"\x02\x084165550123\0"
    b"\x40\x41\x03"
    b"261123150000000+\0"
    b"000000040000000R\0"
    b"\x11\x01\x08\x09"
    b"\x05Hello"
    b"\x02\x04\x00\x02\x12\x34"
    b"\x04\x27\x00\x01\x02"
)
MANDATORY = len(FULL_BODY) - 11

octet = st.integers(0, 255)


def ascii_text(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=longest)


addresses = st.builds(Address, octet, octet, ascii_text(20))
messages = st.builds(
    ShortMessage,
    source=addresses,
    destination=addresses,
    esm_class=octet,
    data_coding=octet,
    registered_delivery=octet,
    short_message=st.binary(max_size=254),
    tlvs=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=5),
    service_type=ascii_text(5),
    protocol_id=octet,
    priority_flag=octet,
    schedule_delivery_time=ascii_text(16),
    validity_period=ascii_text(16),
    replace_if_present_flag=octet,
    sm_default_msg_id=octet,
)


def test_every_field_has_its_place() -> None:
    assert encode_message(FULL) == FULL_BODY
    assert decode_message(FULL_BODY) == FULL


def test_what_is_not_given_is_zero_or_empty() -> None:
    message = ShortMessage(Address(0, 0, ""), Address(0, 0, ""))
    assert encode_message(message) == bytes(17)
    assert decode_message(bytes(17)) == message


@UNHURRIED
@given(messages)
def test_a_message_comes_back_as_it_was_written(message: ShortMessage) -> None:
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("length", range(len(FULL_BODY)))
def test_a_message_that_ends_too_soon_is_refused(length: int) -> None:
    body = FULL_BODY[:length]
    if length in (MANDATORY, MANDATORY + 6):
        assert len(decode_message(body).tlvs) == (length > MANDATORY)
        return
    with pytest.raises(MalformedPdu):
        decode_message(body)


@pytest.mark.parametrize(
    ("before", "longest", "behind"),
    [
        (0, 5, 16),
        (3, 20, 13),
        (6, 20, 10),
        (10, 16, 6),
        (11, 16, 5),
    ],
)
def test_a_text_may_be_as_long_as_its_field_and_no_longer(
    before: int, longest: int, behind: int
) -> None:
    decode_message(bytes(before) + b"1" * longest + bytes(behind + 1))
    with pytest.raises(MalformedPdu, match=f"within {longest + 1} octets"):
        decode_message(bytes(before) + b"1" * (longest + 1) + bytes(behind + 1))


def test_octets_behind_the_message_that_are_no_parameter_are_refused() -> None:
    with pytest.raises(MalformedPdu, match="optional parameters"):
        decode_message(FULL_BODY + b"\0")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service_type", b"CMT"),
        ("source_addr", b"12125550101"),
        ("destination_addr", b"4165550123"),
        ("schedule_delivery_time", b"261123150000000+"),
        ("validity_period", b"000000040000000R"),
    ],
)
def test_a_text_that_is_longer_than_its_field_is_refused_by_name(field: str, value: bytes) -> None:
    body = FULL_BODY.replace(value + b"\0", value + b"9" * 21 + b"\0")
    with pytest.raises(MalformedPdu, match=field) as refused:
        decode_message(body)
    assert value.decode() not in str(refused.value)


def test_of_a_repeated_parameter_the_last_counts() -> None:
    body = FULL_BODY + b"\x04\x27\x00\x01\x05"
    assert decode_message(body).tlvs[0x0427] == b"\x05"


def test_an_address_that_is_no_ascii_is_read() -> None:
    assert decode_message(FULL_BODY.replace(b"416", b"\xff16")).destination.address == "ÿ165550123"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (replace(FULL, short_message=bytes(255)), "short_message"),
        (replace(FULL, source=Address(1, 1, "1" * 21)), "source_addr"),
        (replace(FULL, destination=Address(1, 1, "1" * 21)), "destination_addr"),
        (replace(FULL, source=Address(5, 0, "Café")), "source_addr"),
        (replace(FULL, destination=Address(1, 1, "1\x001")), "destination_addr"),
        (replace(FULL, service_type="CMTCMT"), "service_type"),
        (replace(FULL, validity_period="0" * 17), "validity_period"),
        (replace(FULL, schedule_delivery_time="0" * 17), "schedule_delivery_time"),
        (replace(FULL, esm_class=256), "one octet"),
        (replace(FULL, data_coding=-1), "one octet"),
        (replace(FULL, tlvs={0x424: bytes(65_536)}), "optional parameter"),
        (replace(FULL, tlvs={0x10000: b""}), "optional parameter"),
    ],
)
def test_what_smpp_cannot_hold_is_refused_by_name(message: ShortMessage, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        encode_message(message)


def test_the_longest_payload_goes_through() -> None:
    message = replace(FULL, short_message=b"", tlvs={0x424: bytes(65_535)})
    assert decode_message(encode_message(message)) == message
