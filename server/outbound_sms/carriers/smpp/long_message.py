"""A text as the submit_sm that carry it: one, or the parts of a long message."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from outbound_sms.carriers.smpp.alphabet import UCS2_CODING, Alphabet, encode_text, gsm7_octets
from outbound_sms.carriers.smpp.tlv import Tag
from outbound_sms.domain.segments import split_segments

UDH_INDICATOR = 0x40
"""The bit of esm_class which says that short_message starts with a user data header (5.2.12)."""

_MOST_PARTS = 255
_ALONE_SEPTETS, _ALONE_OCTETS = 160, 140
_PART_OCTETS = 134
_LOW_SURROGATES = range(0xDC, 0xE0)
_CONCATENATION = struct.Struct("6B")
_TWO_OCTETS = struct.Struct(">H")


class LongMessages(StrEnum):
    """How an SMSC wants a text that one segment does not hold.

    `UDH`: in parts, each with a user data header (3GPP TS 23.040, 9.2.3.24.1). `SAR`: in parts,
    each with the optional parameters sar_*. `PAYLOAD`: whole, in message_payload; the SMSC cuts it.
    """

    UDH = "udh"
    PAYLOAD = "payload"
    SAR = "sar"


@dataclass(frozen=True, slots=True)
class Part:
    """What one submit_sm carries of a text."""

    data_coding: int
    esm_class: int
    short_message: bytes
    tlvs: Mapping[int, bytes] = field(default_factory=dict)


def make_parts(
    text: str, *, alphabet: Alphabet, long_messages: LongMessages, reference: int
) -> list[Part]:
    """The parts of a text, in order; one where a segment holds all of it.

    Parts are cut as `domain.segments.split_segments` cuts. That is so for Latin-1 and ASCII too:
    behind such an SMSC are phones that get 7-bit segments, where "[" takes two places, so parts of
    134 octets would not be what is charged for, and fuller ones would be cut again. Only a text of
    GSM-7 that such a default alphabet does not hold ("€" in Latin-1) has more parts than segments
    were counted, because it goes out as UCS-2.

    `reference` (0 to 65,535) is the same in all parts; a header takes its low octet. Raises
    `ValueError` for a text of more than 255 parts.
    """
    data_coding, octets = encode_text(text, alphabet)
    if _fits(text, data_coding, octets, alphabet):
        return [Part(data_coding, 0, octets)]
    pieces = [octets]
    if long_messages is not LongMessages.PAYLOAD:
        pieces = list(_pieces(text, data_coding, octets, alphabet))
    if len(pieces) > _MOST_PARTS:
        raise ValueError("a text of more than 255 parts cannot be sent")
    return [
        _part(data_coding, piece, long_messages, reference, len(pieces), nth)
        for nth, piece in enumerate(pieces, 1)
    ]


def _fits(text: str, data_coding: int, octets: bytes, alphabet: Alphabet) -> bool:
    if data_coding == UCS2_CODING:
        return len(octets) <= _ALONE_OCTETS
    septets = octets if alphabet is Alphabet.GSM7 else gsm7_octets(text)
    return septets is not None and len(septets) <= _ALONE_SEPTETS


def _pieces(text: str, data_coding: int, octets: bytes, alphabet: Alphabet) -> Iterator[bytes]:
    """The octets of each part, no escape and no surrogate pair cut."""
    if data_coding != UCS2_CODING:
        yield from (encode_text(segment, alphabet)[1] for segment in split_segments(text))
        return
    start = 0
    while start < len(octets):
        end = start + _PART_OCTETS
        if end < len(octets) and octets[end] in _LOW_SURROGATES:
            end -= 2
        yield octets[start:end]
        start = end


def _part(
    data_coding: int,
    piece: bytes,
    long_messages: LongMessages,
    reference: int,
    total: int,
    nth: int,
) -> Part:
    match long_messages:
        case LongMessages.UDH:
            header = _CONCATENATION.pack(5, 0, 3, reference & 0xFF, total, nth)
            return Part(data_coding, UDH_INDICATOR, header + piece)
        case LongMessages.SAR:
            parameters: dict[int, bytes] = {
                Tag.SAR_MSG_REF_NUM: _TWO_OCTETS.pack(reference),
                Tag.SAR_TOTAL_SEGMENTS: bytes((total,)),
                Tag.SAR_SEGMENT_SEQNUM: bytes((nth,)),
            }
            return Part(data_coding, 0, piece, parameters)
        case LongMessages.PAYLOAD:
            return Part(data_coding, 0, b"", {Tag.MESSAGE_PAYLOAD: piece})
        case _:
            assert_never(long_messages)
