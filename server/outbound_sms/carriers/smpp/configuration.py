"""The configuration of a connection to an SMSC, as a carriers' file gives it."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.long_message import LongMessages
from outbound_sms.carriers.smpp.receipt_text import MessageIds
from outbound_sms.configuration_file import Check, duration, flag, text


@dataclass(frozen=True, slots=True)
class SmppConfig:
    """How to reach one SMSC and how it reads what it gets. Times in seconds.

    `window` is the most requests that one connection may have unanswered, and so the most texts
    that one broken connection puts in doubt. `total_timeout` is the longest that a message may
    take, with all its parts; an answer later than `response_timeout` leaves it in doubt. A lost
    connection is made anew after `reconnect_first`, and after twice as long each time, up to
    `reconnect_most`. With `tls`, `ca_file` replaces the authorities that the system trusts, and
    the certificate must be for `host`.
    """

    name: str
    host: str
    system_id: str
    password: str = field(repr=False)
    port: int = 2775
    tls: bool = False
    ca_file: str | None = None
    system_type: str = ""
    window: int = 10
    binds: int = 1
    alphabet: str = Alphabet.GSM7
    long_messages: str = LongMessages.UDH
    message_ids: str = MessageIds.AS_GIVEN
    total_timeout: float = 15.0
    connect_timeout: float = 3.0
    bind_timeout: float = 10.0
    response_timeout: float = 10.0
    enquire_link: float = 15.0
    throttle_first: float = 1.0
    throttle_most: float = 60.0
    reconnect_first: float = 1.0
    reconnect_most: float = 60.0


def _ascii(value: object) -> str | None:
    right = isinstance(value, str) and len(value) <= 64 and value.isascii() and value.isprintable()
    return None if right else "must be a text of at most 64 ASCII characters"


def _not_empty(value: object) -> str | None:
    return text(value) or _ascii(value)


def _between(least: int, most: int) -> Check:
    def check(value: object) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if right else f"must be a whole number from {least} to {most}"

    return check


def _one_of(words: type[StrEnum]) -> Check:
    def check(value: object) -> str | None:
        listed = ", ".join(sorted(words))
        return None if value in set(words) else f"must be one of: {listed}"

    return check


def _authorities(value: object) -> str | None:
    expected = "must be a readable file of PEM certificates"
    if not isinstance(value, str):
        return expected
    try:
        ssl.create_default_context(cafile=value)
    except (OSError, ValueError):
        return expected
    return None


CHECKS: Mapping[str, Check] = {
    "host": text,
    "port": _between(1, 65_535),
    "tls": flag,
    "ca_file": _authorities,
    "system_id": _not_empty,
    "password": _not_empty,
    "system_type": _ascii,
    "window": _between(1, 1_000),
    "binds": _between(1, 100),
    "alphabet": _one_of(Alphabet),
    "long_messages": _one_of(LongMessages),
    "message_ids": _one_of(MessageIds),
    "total_timeout": duration,
    "connect_timeout": duration,
    "bind_timeout": duration,
    "response_timeout": duration,
    "enquire_link": duration,
    "throttle_first": duration,
    "throttle_most": duration,
    "reconnect_first": duration,
    "reconnect_most": duration,
}
