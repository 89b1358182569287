"""A submission as the bodies of its submit_sm."""

import struct
from dataclasses import replace
from functools import lru_cache

from outbound_sms.carriers.carrier import Submission
from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.long_message import LongMessages, Part, make_parts
from outbound_sms.carriers.smpp.pdu import (
    Address,
    ShortMessage,
    address_of,
    encode_message,
    relative_validity,
)
from outbound_sms.carriers.smpp.tlv import Tag
from outbound_sms.domain.message_reference import message_reference

_NAMED = struct.Struct(">HHH")
"""user_message_reference: tag, length and value."""
_RECEIPT_WANTED = 1
"""registered_delivery: a receipt for the final outcome, good or bad (SMPP 3.4, 5.2.17)."""
_ANYBODY = replace(address_of("+1"), address="")
"""An E.164 number without its digits."""


class CannotEncode(ValueError):
    """SMPP cannot carry the message. `reason` is a key of the reason taxonomy."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode_parts(submission: Submission, config: SmppConfig) -> list[bytes]:
    """The bodies, in order, each of which asks for a receipt and names the attempt.

    Raises CannotEncode.
    """
    reference = message_reference(submission.message_id, submission.attempt)
    named = _NAMED.pack(Tag.USER_MESSAGE_REFERENCE, 2, reference)
    sender, recipient, text = submission.sender, submission.recipient, submission.body
    valid_for = submission.valid_for_seconds
    alone = _alone(sender, text, valid_for, config.alphabet, config.long_messages)
    if alone is not None and recipient.startswith("+"):
        before, after = alone
        return [before + recipient[1:].encode("ascii") + after + named]
    destination = address_of(recipient)
    parts = _parts(text, config.alphabet, config.long_messages, reference)
    return [_encode(part, sender, destination, valid_for) + named for part in parts]


# Many texts differ in nothing but whom they are for.
@lru_cache(maxsize=1024)
def _alone(
    sender: str, text: str, valid_for: int | None, alphabet: str, long_messages: str
) -> tuple[bytes, bytes] | None:
    """The octets before and after the recipient's digits, of a text that needs one part only."""
    parts = _parts(text, alphabet, long_messages, 0)
    if len(parts) > 1:
        return None
    body = _encode(parts[0], sender, _ANYBODY, valid_for)
    # service_type, then three fields of the source, then two of the destination.
    at = body.index(b"\0", 3) + 3
    return body[:at], body[at:]


def _parts(text: str, alphabet: str, long_messages: str, reference: int) -> list[Part]:
    try:
        return make_parts(
            text,
            alphabet=Alphabet(alphabet),
            long_messages=LongMessages(long_messages),
            reference=reference,
        )
    except ValueError as error:
        raise CannotEncode("CONTENT.TOO_LONG") from error


def _encode(part: Part, sender: str, recipient: Address, valid_for: int | None) -> bytes:
    try:
        return encode_message(
            ShortMessage(
                source=address_of(sender),
                destination=recipient,
                esm_class=part.esm_class,
                data_coding=part.data_coding,
                registered_delivery=_RECEIPT_WANTED,
                short_message=part.short_message,
                tlvs=part.tlvs,
                validity_period="" if valid_for is None else relative_validity(valid_for),
            )
        )
    except ValueError as error:
        # All else was made here; only the sender is whatever somebody has configured.
        raise CannotEncode("SENDER.INVALID") from error
