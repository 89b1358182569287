"""An id is the same id, whether an answer or a receipt brings it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.carriers.smpp.pdu import Address, ShortMessage
from outbound_sms.carriers.smpp.receipt_text import MessageIds, read_receipt, response_id

UNHURRIED = settings(deadline=None)
AS_GIVEN = MessageIds.AS_GIVEN
HEX_FIRST = MessageIds.HEX_RESPONSE_DECIMAL_RECEIPT
DECIMAL_FIRST = MessageIds.DECIMAL_RESPONSE_HEX_RECEIPT
UUID = "0A1B2C3D-0000-4000-8000-00000000ABCD"


def of_receipt(message_id: str, ids: MessageIds) -> str:
    """The id of a receipt with parameters, which is that of one with a text."""
    ours, theirs = Address(1, 1, "12125550101"), Address(1, 1, "14165550123")
    text = f"id:{message_id} stat:DELIVRD".encode()
    tlvs = {0x1E: message_id.encode() + b"\0", 0x427: b"\2"}
    found = {
        receipt.carrier_message_id
        for form in (
            ShortMessage(theirs, ours, 4, short_message=text),
            ShortMessage(theirs, ours, tlvs=tlvs),
        )
        if (receipt := read_receipt(form, ids)) is not None
    }
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("ids", "answered", "receipted"),
    [
        (AS_GIVEN, "123", "123"),
        (AS_GIVEN, "0000123", "123"),
        (AS_GIVEN, "123", "0000000123"),
        (AS_GIVEN, "0", "0000"),
        (AS_GIVEN, "00ab12", "AB12"),
        (AS_GIVEN, UUID, UUID.lower()),
        (AS_GIVEN, "Msg-7x", "Msg-7x"),
        (HEX_FIRST, "7B", "123"),
        (HEX_FIRST, "0000007b", "0000000123"),
        (HEX_FIRST, "0", "0"),
        (HEX_FIRST, "Msg-7x", "Msg-7x"),
        (DECIMAL_FIRST, "123", "7B"),
        (DECIMAL_FIRST, "0000000123", "0000007b"),
        (DECIMAL_FIRST, "Msg-7x", "Msg-7x"),
    ],
)
def test_both_are_written_alike(ids: MessageIds, answered: str, receipted: str) -> None:
    assert response_id(answered, ids) == of_receipt(receipted, ids)


@pytest.mark.parametrize(
    ("ids", "answered", "receipted"),
    [
        (AS_GIVEN, "7B", "123"),
        (AS_GIVEN, "Msg-7x", "msg-7X"),
        (AS_GIVEN, "0x12", "x12"),
        (HEX_FIRST, "123", "123"),
        (DECIMAL_FIRST, "123", "123"),
    ],
)
def test_what_is_not_the_same_stays_different(
    ids: MessageIds, answered: str, receipted: str
) -> None:
    assert response_id(answered, ids) != of_receipt(receipted, ids)


@UNHURRIED
@given(st.integers(0, 2**64), st.integers(0, 20), st.booleans())
def test_a_number_is_found_in_either_base(number: int, zeros: int, upper: bool) -> None:
    decimal = "0" * zeros + str(number)
    hexadecimal = "0" * zeros + format(number, "X" if upper else "x")
    assert response_id(hexadecimal, HEX_FIRST) == of_receipt(decimal, HEX_FIRST)
    assert response_id(decimal, DECIMAL_FIRST) == of_receipt(hexadecimal, DECIMAL_FIRST)


@UNHURRIED
@given(st.integers(0, 2**64), st.integers(0, 2**64), st.sampled_from(MessageIds))
def test_two_numbers_have_two_ids(one: int, other: int, ids: MessageIds) -> None:
    assert (response_id(str(one), ids) == response_id(str(other), ids)) is (one == other)


@pytest.mark.parametrize("ids", MessageIds)
def test_an_id_of_zeros_is_not_empty(ids: MessageIds) -> None:
    assert response_id("0000", ids) == of_receipt("00", ids) == "0"
