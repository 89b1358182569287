"""Whatever a peer writes is read, or refused by `MalformedPdu` and `MalformedReceipt` alone.

FUZZ_SECONDS: see `tests.fuzzing`.
"""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import strategies as st

from outbound_sms.carriers.carrier import MalformedReceipt
from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.commands import Command
from outbound_sms.carriers.smpp.pdu import (
    Address,
    MalformedPdu,
    PduReader,
    ShortMessage,
    decode_bind_response,
    decode_message,
    decode_submit_response,
    encode_message,
    encode_pdu,
)
from outbound_sms.carriers.smpp.receipt_text import MessageIds, read_receipt, response_id, text_of
from outbound_sms.carriers.smpp.tlv import Tag
from tests.fuzzing import SECONDS, mutated, rounds_of

# Four searches share the time of a file.
SHARE = SECONDS / 4
LARGEST = 2_000

PHONE, OURS = Address(1, 1, "14165550123"), Address(1, 1, "12125550101")
USUAL = (
    b"id:7B3F9A01 sub:001 dlvrd:001 submit date:2611231500 done date:2611231501 "
    b"stat:UNDELIV err:004 text:Hello from your ISP"
)
RECEIPT = ShortMessage(
    PHONE,
    OURS,
    esm_class=0x04,
    short_message=USUAL,
    tlvs={
        Tag.RECEIPTED_MESSAGE_ID: b"7B3F9A01\0",
        Tag.MESSAGE_STATE: b"\5",
        Tag.NETWORK_ERROR_CODE: b"\3\0\1",
        Tag.USER_MESSAGE_REFERENCE: b"\x12\x34",
    },
    service_type="CMT",
)
TEXT_OF_RECEIPT = ShortMessage(PHONE, OURS, short_message=USUAL)
WIDE = ShortMessage(PHONE, OURS, data_coding=8, short_message="STOP 😀 [€]".encode("utf-16-be"))
HEADED = ShortMessage(PHONE, OURS, esm_class=0x40, short_message=b"\5\0\3\1\2\1STOP \x1b<\x1be")
PAYLOAD = ShortMessage(PHONE, OURS, tlvs={Tag.MESSAGE_PAYLOAD: b"\0\x1b" * 300})
BODIES = [encode_message(form) for form in (RECEIPT, TEXT_OF_RECEIPT, WIDE, HEADED, PAYLOAD)]
STREAM = b"".join(
    [encode_pdu(Command.DELIVER_SM, nth, body) for nth, body in enumerate(BODIES)]
    + [
        encode_pdu(Command.SUBMIT_SM_RESP, 7, b"7B3F9A01\0"),
        encode_pdu(Command.BIND_TRANSCEIVER_RESP, 8, b"SMSC\0\x02\x10\0\x01\x34"),
        encode_pdu(Command.ENQUIRE_LINK, 9),
    ]
)
FRAGMENTS = st.sampled_from(
    [
        "id:", "ID : ", "stat:", " stat:", "DELIVRD", "UNDELIV", "err:", " err:000", " text:", " ",
        "\0", "\x85", "\r\n", "submit date:", "done_date:2611231501", "7B3F9A01", "0" * 70, "é",
        "0x", "-", "\x1b", "ı", "²",
    ]
)  # fmt: skip


def storable(text: str) -> bool:
    """True when PostgreSQL takes it: no NUL and no lone surrogate."""
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def examine_message(message: ShortMessage) -> None:
    for alphabet in Alphabet:
        text = text_of(message, alphabet)
        assert storable(text)
        assert len(text) <= LARGEST
    for ids in MessageIds:
        try:
            receipt = read_receipt(message, ids)
        except MalformedReceipt:
            continue
        if receipt is not None:
            assert storable(receipt.carrier_message_id)
            assert 1 <= len(receipt.carrier_message_id) <= 80
            assert receipt.carrier_code is None or 1 <= len(receipt.carrier_code) <= 16
            assert receipt.reference is None or 0 <= receipt.reference <= 0xFFFF


def examine_body(body: bytes) -> None:
    with suppress(MalformedPdu):
        examine_message(decode_message(body))
    with suppress(MalformedPdu):
        decode_bind_response(body)
    try:
        message_id = decode_submit_response(body)
    except MalformedPdu:
        return
    assert storable(message_id)
    for ids in MessageIds:
        assert len(response_id(message_id, ids)) <= 80


def examine_stream(stream: bytes, sizes: list[int]) -> None:
    reader = PduReader(LARGEST)
    at = 0
    for size in [*sizes, len(stream)]:
        try:
            pdus = reader.feed(stream[at : at + size])
        except MalformedPdu:
            return
        at += size
        assert len(reader._rest) < LARGEST
        for pdu in pdus:
            examine_body(pdu.body)


@pytest.mark.timeout(SECONDS + 60)
def test_any_stream_is_cut_into_pdus_or_refused_and_never_hoarded() -> None:
    streams = st.sampled_from([STREAM, STREAM[:16]]) | mutated([STREAM, STREAM[:16]])
    sizes = st.lists(st.integers(0, 300), max_size=20)
    for found in rounds_of(st.tuples(streams | st.binary(max_size=200), sizes), SHARE):
        for stream, cuts in found:
            examine_stream(stream, cuts)


@pytest.mark.timeout(SECONDS + 60)
def test_any_body_is_read_or_refused() -> None:
    bodies = st.sampled_from(BODIES) | mutated(BODIES) | st.binary(max_size=300)
    for found in rounds_of(bodies, SHARE):
        for body in found:
            examine_body(body)


@pytest.mark.timeout(SECONDS + 60)
def test_any_message_is_a_receipt_a_text_or_refused() -> None:
    octet = st.integers(0, 255)
    address = st.builds(Address, octet, octet, st.text(max_size=20))
    tags = st.sampled_from(
        [Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE]
        + [Tag.MESSAGE_PAYLOAD, Tag.USER_MESSAGE_REFERENCE]
    ).map(int)

    messages = st.builds(
        ShortMessage,
        source=address,
        destination=address,
        esm_class=octet,
        data_coding=st.sampled_from([0, 3, 8]) | octet,
        short_message=st.binary(max_size=254) | st.just(USUAL) | mutated([USUAL]),
        tlvs=st.dictionaries(tags, st.binary(max_size=70), max_size=5),
    )
    for found in rounds_of(messages, SHARE):
        for message in found:
            examine_message(message)


@pytest.mark.timeout(SECONDS + 60)
def test_any_text_of_a_receipt_is_read_or_refused() -> None:
    texts = st.lists(FRAGMENTS | st.text(max_size=3), max_size=25).map("".join)
    classes = st.sampled_from([0x00, 0x04, 0x08, 0x10, 0x20, 0x40])
    for found in rounds_of(st.tuples(texts, classes, st.booleans()), SHARE):
        for text, esm_class, wide in found:
            octets = text.encode("utf-16-be" if wide else "latin-1", "replace")
            coding = 8 if wide else 0
            tlvs: dict[int, bytes] = {Tag.MESSAGE_PAYLOAD: octets}
            examine_message(ShortMessage(PHONE, OURS, esm_class, coding, tlvs=tlvs))


def times_longer(work: Callable[[int], None], length: int) -> float:
    """How many times as long `work` takes for `length` as for an eighth of it."""

    def seconds(each: int) -> float:
        taken = []
        for _ in range(5):
            started = time.process_time()
            work(each)
            taken.append(time.process_time() - started)
        return min(taken)

    return seconds(length) / seconds(length // 8)


# In proportion it is 8 times; by the square 64.
PROPORTION = 30


@pytest.mark.parametrize(
    "piece", [b"id", b"id ", b"id:", b" id: ", b"stat:\x20", b"\x1b", b" ", b"1"]
)
def test_a_long_message_takes_no_longer_than_its_length(piece: bytes) -> None:
    def read(length: int) -> None:
        tlvs: dict[int, bytes] = {Tag.MESSAGE_PAYLOAD: (piece * length)[:length]}
        message = ShortMessage(PHONE, OURS, esm_class=4, tlvs=tlvs)
        with pytest.raises(MalformedReceipt):
            read_receipt(decode_message(encode_message(message)), MessageIds.AS_GIVEN)
        assert len(text_of(message, Alphabet.GSM7)) <= length

    assert times_longer(read, 65_528) < PROPORTION


def test_a_stream_of_single_octets_costs_what_its_length_does() -> None:
    def read(length: int) -> None:
        reader = PduReader()
        pdu = encode_pdu(Command.DELIVER_SM, 1, bytes(length))
        found = [pdu for octet in pdu for pdu in reader.feed(bytes((octet,)))]
        assert [len(each.body) for each in found] == [length]

    assert times_longer(read, 69_984) < PROPORTION
