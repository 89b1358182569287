"""The PDUs of SMPP 3.4: their header, how they are cut out of a stream, and the smaller bodies."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from outbound_sms.carriers.smpp.address import Address, address_of, e164_of
from outbound_sms.carriers.smpp.malformed import MalformedPdu
from outbound_sms.carriers.smpp.message_id import LONGEST_MESSAGE_ID
from outbound_sms.carriers.smpp.short_message import (
    ShortMessage,
    c_octets,
    decode_message,
    encode_message,
)
from outbound_sms.carriers.smpp.tlv import decode_tlvs

__all__ = [
    "Address",
    "MalformedPdu",
    "Pdu",
    "PduReader",
    "ShortMessage",
    "address_of",
    "decode_bind_response",
    "decode_message",
    "decode_submit_response",
    "e164_of",
    "encode_bind",
    "encode_message",
    "encode_pdu",
    "relative_validity",
]

HEADER_LENGTH = 16
LARGEST_PDU = 70_000
"""Octets: the longest message_payload (65,535) and everything around it."""

INTERFACE_VERSION = 0x34

_HEADER = struct.Struct(">IIII")
_LENGTH = struct.Struct(">I")

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LONGEST_VALIDITY = 30 * _DAY


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU without its length. `command` and `status` may be numbers that SMPP does not name."""

    command: int
    status: int
    sequence: int
    body: bytes


def encode_pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """The octets of a PDU, header included."""
    return _HEADER.pack(HEADER_LENGTH + len(body), command, status, sequence) + body


class PduReader:
    """Cuts a stream of octets into PDUs. It never holds more than one unfinished PDU."""

    def __init__(self, largest: int = LARGEST_PDU) -> None:
        """`largest`: the longest PDU that is read, in octets."""
        self._largest = largest
        self._rest = bytearray()
        self._malformed = False

    def feed(self, data: bytes) -> list[Pdu]:
        """The PDUs that are whole now, in order.

        Raises `MalformedPdu` when the stream cannot be cut any further, and at every call from
        then on. PDUs that came whole before that point are handed out first: the error waits for
        the next call, so that no answer that was read is lost.
        """
        if self._malformed:
            raise _no_length()
        octets: bytes | bytearray = data
        if self._rest:
            self._rest += data
            octets = self._rest
        pdus, at = self._cut(octets)
        if self._malformed:
            self._rest.clear()
            if not pdus:
                raise _no_length()
        elif octets is self._rest:
            del self._rest[:at]
        else:
            self._rest += data[at:]
        return pdus

    def _cut(self, octets: bytes | bytearray) -> tuple[list[Pdu], int]:
        pdus = []
        at, end = 0, len(octets)
        while end - at >= 4:
            (length,) = _LENGTH.unpack_from(octets, at)
            if not HEADER_LENGTH <= length <= self._largest:
                self._malformed = True
                break
            if end - at < length:
                break
            _, command, status, sequence = _HEADER.unpack_from(octets, at)
            body = bytes(octets[at + HEADER_LENGTH : at + length])
            pdus.append(Pdu(command, status, sequence, body))
            at += length
        return pdus, at


def _no_length() -> MalformedPdu:
    return MalformedPdu("command_length is less than a header or more than is read")


def encode_bind(
    system_id: str,
    password: str,
    system_type: str = "",
    *,
    interface_version: int = INTERFACE_VERSION,
    addr_ton: int = 0,
    addr_npi: int = 0,
    address_range: str = "",
) -> bytes:
    """The body of any bind request (4.1.1, 4.1.3, 4.1.5).

    Lengths are not held to the specification: there are SMSCs whose passwords are longer than 8.
    Raises `ValueError`, naming the field, for what is no ASCII.
    """
    return b"%b\0%b\0%b\0%c%c%c%b\0" % (
        c_octets("system_id", system_id),
        c_octets("password", password),
        c_octets("system_type", system_type),
        interface_version,
        addr_ton,
        addr_npi,
        c_octets("address_range", address_range),
    )


def decode_bind_response(body: bytes) -> tuple[str, Mapping[int, bytes]]:
    """The SMSC's system_id and the optional parameters; both may be missing, as after an error.

    Raises `MalformedPdu` for optional parameters that cannot be read.
    """
    system_id, _, parameters = body.partition(b"\0")
    return system_id.decode("latin-1"), decode_tlvs(parameters)


def decode_submit_response(body: bytes) -> str:
    """The message id of a submit_sm_resp; empty when there is none, as after an error.

    Some SMSCs leave the NUL at its end out, others write it twice: what follows the first is left
    alone. Raises `MalformedPdu` for an id of more than 64 octets.
    """
    message_id = body.partition(b"\0")[0]
    if len(message_id) > LONGEST_MESSAGE_ID:
        raise MalformedPdu("message_id has more than 64 octets")
    return message_id.decode("latin-1").strip()


def relative_validity(seconds: int) -> str:
    """The validity_period of a message from now on, in the relative format of 7.1.1.

    A month has no fixed length there, so it is given in days at most: 1 second to 30 days, and
    what lies outside is moved to the nearer end.
    """
    seconds = min(max(seconds, 1), _LONGEST_VALIDITY)
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"0000{days:02}{hours:02}{minutes:02}{rest:02}000R"
