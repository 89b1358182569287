"""The body of submit_sm and deliver_sm, which is the same (SMPP 3.4, 4.4.1 and 4.6.1)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from outbound_sms.carriers.smpp.address import Address
from outbound_sms.carriers.smpp.malformed import MalformedPdu
from outbound_sms.carriers.smpp.tlv import decode_tlvs, encode_tlvs

LONGEST_SHORT_MESSAGE = 254
"""Octets that the field short_message holds; more goes into the parameter message_payload."""

_LONGEST_SERVICE_TYPE, _LONGEST_ADDRESS, _LONGEST_TIME = 5, 20, 16

_CLASS = struct.Struct("BBB")
_DELIVERY = struct.Struct("BBBBB")


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """A submit_sm or a deliver_sm. Its fields are those of the specification.

    `short_message`: up to 254 octets; longer ones are in `tlvs` under message_payload.
    `schedule_delivery_time` and `validity_period`: in the format of 7.1.1, or empty.
    """

    source: Address
    destination: Address
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    short_message: bytes = b""
    tlvs: Mapping[int, bytes] = field(default_factory=dict)
    service_type: str = ""
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    replace_if_present_flag: int = 0
    sm_default_msg_id: int = 0


def encode_message(message: ShortMessage) -> bytes:
    """The body. Raises `ValueError` for a field that SMPP cannot hold; the text names the field."""
    source, destination = message.source, message.destination
    if len(message.short_message) > LONGEST_SHORT_MESSAGE:
        raise ValueError("short_message has more than 254 octets")
    try:
        body = b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b" % (
            _octets("service_type", message.service_type, _LONGEST_SERVICE_TYPE),
            source.ton,
            source.npi,
            _octets("source_addr", source.address, _LONGEST_ADDRESS),
            destination.ton,
            destination.npi,
            _octets("destination_addr", destination.address, _LONGEST_ADDRESS),
            message.esm_class,
            message.protocol_id,
            message.priority_flag,
            _octets("schedule_delivery_time", message.schedule_delivery_time, _LONGEST_TIME),
            _octets("validity_period", message.validity_period, _LONGEST_TIME),
            message.registered_delivery,
            message.replace_if_present_flag,
            message.data_coding,
            message.sm_default_msg_id,
            len(message.short_message),
            message.short_message,
        )
    except OverflowError:
        raise ValueError("a field of one octet is not in 0 to 255") from None
    return body + encode_tlvs(message.tlvs) if message.tlvs else body


def decode_message(body: bytes) -> ShortMessage:
    """Reads the body. Raises `MalformedPdu` for anything that is not as the specification says."""
    try:
        return _decoded(body)
    except (IndexError, struct.error):
        raise MalformedPdu("the message ends within its mandatory fields") from None


def _decoded(body: bytes) -> ShortMessage:
    service_type, at = read_string(body, 0, _LONGEST_SERVICE_TYPE, "service_type")
    source, at = _read_address(body, at, "source_addr")
    destination, at = _read_address(body, at, "destination_addr")
    esm_class, protocol_id, priority_flag = _CLASS.unpack_from(body, at)
    schedule, at = read_string(body, at + 3, _LONGEST_TIME, "schedule_delivery_time")
    validity, at = read_string(body, at, _LONGEST_TIME, "validity_period")
    registered, replace, data_coding, default_message, length = _DELIVERY.unpack_from(body, at)
    at += 5
    end = at + length
    if end > len(body):
        raise MalformedPdu("sm_length is more than the PDU holds")
    return ShortMessage(
        source=source,
        destination=destination,
        esm_class=esm_class,
        data_coding=data_coding,
        registered_delivery=registered,
        short_message=body[at:end],
        tlvs=decode_tlvs(body, end),
        service_type=service_type,
        protocol_id=protocol_id,
        priority_flag=priority_flag,
        schedule_delivery_time=schedule,
        validity_period=validity,
        replace_if_present_flag=replace,
        sm_default_msg_id=default_message,
    )


def _read_address(body: bytes, at: int, name: str) -> tuple[Address, int]:
    ton, npi = body[at], body[at + 1]
    address, end = read_string(body, at + 2, _LONGEST_ADDRESS, name)
    return Address(ton, npi, address), end


def read_string(body: bytes, at: int, longest: int, name: str) -> tuple[str, int]:
    """A C-Octet String that starts at `at`, and where the next field starts.

    `longest` is without the NUL at its end. Raises `MalformedPdu` where that NUL is missing.
    """
    end = body.find(0, at, at + longest + 1)
    if end < 0:
        raise MalformedPdu(f"{name} does not end within {longest + 1} octets")
    # Latin-1 reads any octet; what is no ASCII is refused later, as no phone number.
    return body[at:end].decode("latin-1"), end + 1


def _octets(name: str, value: str, longest: int) -> bytes:
    if len(value) > longest:
        raise ValueError(f"{name} has more than {longest} characters")
    return c_octets(name, value)


def c_octets(name: str, value: str) -> bytes:
    """The octets of a C-Octet String, without the NUL at its end. Raises `ValueError`."""
    if not value.isascii() or "\0" in value:
        raise ValueError(f"{name} has a character that is no ASCII")
    return value.encode("ascii")
