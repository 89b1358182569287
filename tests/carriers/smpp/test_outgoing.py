"""What is written for a submission: the fields of each submit_sm, read back."""

from dataclasses import replace

import pytest

from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.outgoing import CannotEncode, encode_parts
from outbound_sms.carriers.smpp.pdu import ShortMessage, address_of, decode_message
from outbound_sms.carriers.smpp.tlv import Tag
from outbound_sms.domain.message_reference import message_reference
from tests.carriers.harness import MakeSubmission

CONFIG = SmppConfig("smsc", "smsc.example.net", "northwind", "secret12")


@pytest.mark.parametrize("sender", ["+12125550100", "72345", "Northwind", "4165550123"])
@pytest.mark.parametrize("recipient", ["+14165550123", "+12125550199", "14165550123"])
@pytest.mark.parametrize("valid_for", [None, 90])
def test_a_text_of_one_part_says_from_whom_to_whom_and_for_how_long(
    submission: MakeSubmission, sender: str, recipient: str, valid_for: int | None
) -> None:
    text = submission(
        sender=sender, recipient=recipient, body="Outage @ 15 €", valid_for_seconds=valid_for
    )
    [body] = encode_parts(text, CONFIG)
    reference = message_reference(text.message_id, text.attempt).to_bytes(2, "big")
    assert decode_message(body) == ShortMessage(
        source=address_of(sender),
        destination=address_of(recipient),
        registered_delivery=1,
        short_message=b"Outage \x00 15 \x1be",
        tlvs={Tag.USER_MESSAGE_REFERENCE: reference},
        validity_period="" if valid_for is None else "000000000130000R",
    )


@pytest.mark.parametrize("long_messages", ["udh", "sar", "payload"])
def test_every_submit_sm_of_a_long_text_asks_for_a_receipt_and_names_the_attempt(
    submission: MakeSubmission, long_messages: str
) -> None:
    text = submission(body="x" * 400, attempt=3)
    bodies = encode_parts(text, replace(CONFIG, long_messages=long_messages))
    assert len(bodies) == (1 if long_messages == "payload" else 3)
    reference = message_reference(text.message_id, 3).to_bytes(2, "big")
    for message in map(decode_message, bodies):
        assert message.registered_delivery == 1
        assert message.destination == address_of(text.recipient)
        assert message.tlvs[Tag.USER_MESSAGE_REFERENCE] == reference
        # The parts of two long texts to one phone must not be put together.
        if long_messages == "udh":
            assert message.short_message[3] == reference[1]
        if long_messages == "sar":
            assert message.tlvs[Tag.SAR_MSG_REF_NUM] == reference


def test_two_attempts_of_the_same_text_differ_in_their_reference_only(
    submission: MakeSubmission,
) -> None:
    first = submission()
    [one] = encode_parts(first, CONFIG)
    [two] = encode_parts(replace(first, attempt=2), CONFIG)
    assert one != two
    assert one[:-2] == two[:-2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sender": "N" * 21}, "SENDER.INVALID"),
        ({"sender": "Nørthwind"}, "SENDER.INVALID"),
        ({"body": "x" * 153 * 256}, "CONTENT.TOO_LONG"),
    ],
)
def test_what_smpp_cannot_carry_has_a_reason(
    submission: MakeSubmission, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(CannotEncode) as caught:
        encode_parts(submission(**changes), CONFIG)
    assert caught.value.reason == reason
