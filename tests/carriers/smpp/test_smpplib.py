"""Our octets and those of smpplib, a client library of others: byte for byte the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpplib import command_codes, consts, gsm, smpp

from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.commands import Command, Status
from outbound_sms.carriers.smpp.long_message import LongMessages, make_parts
from outbound_sms.carriers.smpp.pdu import (
    Address,
    PduReader,
    ShortMessage,
    decode_bind_response,
    decode_message,
    decode_submit_response,
    encode_bind,
    encode_message,
    encode_pdu,
)
from outbound_sms.carriers.smpp.receipt_text import MessageIds, read_receipt
from outbound_sms.carriers.smpp.tlv import Tag
from outbound_sms.domain.segments import GSM7_BASIC, GSM7_EXTENSION

UNHURRIED = settings(deadline=None)

# smpplib writes a grave accent for the section sign, has no form feed, and cuts pairs in two.
BASIC = GSM7_BASIC.replace("\x1b", "").replace("§", "")
EXTENDED = BASIC + "".join(GSM7_EXTENSION).replace("\f", "")
PAIRLESS = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="`§\f")

octet = st.integers(0, 255)


def ascii_text(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=longest)


def in_order(parameters: dict[str, bytes]) -> dict[int, bytes]:
    """Parameters by their tags, in the order in which smpplib writes them."""
    return dict(sorted((int(Tag[name.upper()]), value) for name, value in parameters.items()))


ADDRESSES = st.builds(Address, octet, octet, ascii_text(20))
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "user_message_reference": st.binary(min_size=2, max_size=2),
        "sar_msg_ref_num": st.binary(min_size=2, max_size=2),
        "sar_total_segments": st.binary(min_size=1, max_size=1),
        "sar_segment_seqnum": st.binary(min_size=1, max_size=1),
    },
)
MESSAGES = st.builds(
    ShortMessage,
    source=ADDRESSES,
    destination=ADDRESSES,
    esm_class=octet,
    data_coding=octet,
    registered_delivery=octet,
    short_message=st.binary(max_size=254),
    tlvs=PARAMETERS.map(in_order),
    service_type=ascii_text(5),
    protocol_id=octet,
    priority_flag=octet,
    schedule_delivery_time=ascii_text(16),
    validity_period=ascii_text(16),
    replace_if_present_flag=octet,
    sm_default_msg_id=octet,
)


def octets_of(command: str, sequence: int, **fields: object) -> bytes:
    """A PDU as smpplib writes it."""
    pdu = smpp.make_pdu(command, sequence=sequence, **fields)
    pdu.sequence = sequence
    made: bytes = pdu.generate()
    return made


def fields_of(message: ShortMessage) -> dict[str, object]:
    """A message in smpplib's names."""
    tlvs = {Tag(tag).name.lower(): int.from_bytes(v, "big") for tag, v in message.tlvs.items()}
    return {
        "service_type": message.service_type,
        "source_addr_ton": message.source.ton,
        "source_addr_npi": message.source.npi,
        "source_addr": message.source.address,
        "dest_addr_ton": message.destination.ton,
        "dest_addr_npi": message.destination.npi,
        "destination_addr": message.destination.address,
        "esm_class": message.esm_class,
        "protocol_id": message.protocol_id,
        "priority_flag": message.priority_flag,
        "schedule_delivery_time": message.schedule_delivery_time,
        "validity_period": message.validity_period,
        "registered_delivery": message.registered_delivery,
        "replace_if_present_flag": message.replace_if_present_flag,
        "data_coding": message.data_coding,
        "sm_default_msg_id": message.sm_default_msg_id,
        "short_message": message.short_message,
        **tlvs,
    }


@pytest.mark.parametrize("command", [Command.SUBMIT_SM, Command.DELIVER_SM])
@UNHURRIED
@given(message=MESSAGES)
def test_a_message_is_written_alike(command: Command, message: ShortMessage) -> None:
    theirs = octets_of(command.name.lower(), 7, **fields_of(message))
    assert encode_pdu(command, 7, encode_message(message)) == theirs


@UNHURRIED
@given(message=MESSAGES)
def test_a_message_of_theirs_is_read(message: ShortMessage) -> None:
    (pdu,) = PduReader().feed(octets_of("deliver_sm", 7, **fields_of(message)))
    assert (pdu.command, pdu.status, pdu.sequence) == (Command.DELIVER_SM, 0, 7)
    assert decode_message(pdu.body) == message


@pytest.mark.parametrize(
    "command", [Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER]
)
@UNHURRIED
@given(st.data())
def test_a_bind_is_written_alike(command: Command, data: st.DataObject) -> None:
    fields: dict[str, Any] = {
        "system_id": data.draw(ascii_text(15)),
        "password": data.draw(ascii_text(8)),
        "system_type": data.draw(ascii_text(12)),
        "addr_ton": data.draw(octet),
        "addr_npi": data.draw(octet),
        "address_range": data.draw(ascii_text(40)),
    }
    theirs = octets_of(command.name.lower(), 1, **fields)
    assert encode_pdu(command, 1, encode_bind(**fields)) == theirs


def test_their_answers_are_read() -> None:
    bound = octets_of("bind_transceiver_resp", 1, system_id="SMSC", sc_interface_version=0x34)
    (pdu,) = PduReader().feed(bound)
    assert pdu.command == Command.BIND_TRANSCEIVER_RESP
    assert decode_bind_response(pdu.body) == ("SMSC", {Tag.SC_INTERFACE_VERSION: b"\x34"})
    (pdu,) = PduReader().feed(octets_of("submit_sm_resp", 2, message_id="0000A1"))
    assert (pdu.command, decode_submit_response(pdu.body)) == (Command.SUBMIT_SM_RESP, "0000A1")


def test_a_receipt_of_theirs_is_read() -> None:
    fields = fields_of(ShortMessage(Address(1, 1, "14165550123"), Address(1, 1, "12125550101")))
    fields |= {"esm_class": 4, "receipted_message_id": "A1", "message_state": 2}
    (pdu,) = PduReader().feed(octets_of("deliver_sm", 3, **fields))
    receipt = read_receipt(decode_message(pdu.body), MessageIds.AS_GIVEN)
    assert receipt is not None
    assert (receipt.carrier_message_id, receipt.state) == ("a1", "DELIVERED")


@pytest.mark.parametrize(
    "command", ["enquire_link", "enquire_link_resp", "unbind", "unbind_resp", "generic_nack"]
)
def test_a_pdu_without_a_body_is_written_alike(command: str) -> None:
    assert encode_pdu(Command[command.upper()], 9) == octets_of(command, 9)


def same_parts(text: str) -> None:
    """Asserts that both write a text alike, but for the reference that smpplib draws itself."""
    theirs, data_coding, esm_class = gsm.make_parts(text)
    reference = theirs[0][3] if len(theirs) > 1 else 0
    ours = make_parts(
        text, alphabet=Alphabet.GSM7, long_messages=LongMessages.UDH, reference=reference
    )
    assert [part.short_message for part in ours] == theirs
    assert {(part.data_coding, part.esm_class) for part in ours} == {(data_coding, esm_class)}


@UNHURRIED
@given(st.text(st.sampled_from(EXTENDED), max_size=80))
def test_one_part_of_gsm7_is_written_alike(text: str) -> None:
    same_parts(text)


@UNHURRIED
@given(st.text(st.sampled_from(BASIC), min_size=155, max_size=700))
def test_parts_of_gsm7_are_written_alike(text: str) -> None:
    same_parts(text)


@UNHURRIED
@given(st.text(PAIRLESS, max_size=300))
def test_parts_of_ucs2_are_written_alike(text: str) -> None:
    same_parts("ê" + text)


@UNHURRIED
@given(st.text(max_size=33))
def test_one_part_of_ucs2_may_hold_pairs(text: str) -> None:
    same_parts("ê😀" + text)


@UNHURRIED
@given(st.text(PAIRLESS, min_size=71, max_size=300))
def test_parts_with_parameters_are_cut_alike(text: str) -> None:
    text = "ê" + text
    theirs, _, esm_class = gsm.make_parts(text, use_udhi=False)
    ours = make_parts(
        text, alphabet=Alphabet.GSM7, long_messages=LongMessages.SAR, reference=0xBEEF
    )
    assert [(part.short_message, part.esm_class) for part in ours] == [
        (piece, esm_class) for piece in theirs
    ]


def test_commands_have_the_same_numbers() -> None:
    ours = {command.name.lower(): int(command) for command in Command}
    assert ours == command_codes.commands


def test_statuses_have_the_same_numbers() -> None:
    prefix = "SMPP_ESME_"
    theirs = {name[5:]: getattr(consts, name) for name in dir(consts) if name.startswith(prefix)}
    assert {status.name: int(status) for status in Status} == theirs


def test_parameters_have_the_same_tags() -> None:
    assert {tag.name.lower(): int(tag) for tag in Tag} == consts.OPTIONAL_PARAMS
