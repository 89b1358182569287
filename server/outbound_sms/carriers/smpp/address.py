"""Addresses: digits or a name, with a type of number and a numbering plan (SMPP 3.4, 5.2.5)."""

import re
from dataclasses import dataclass

_UNKNOWN_TON, _INTERNATIONAL, _NATIONAL, _NETWORK_SPECIFIC, _ALPHANUMERIC = 0, 1, 2, 3, 5
_UNKNOWN_NPI, _ISDN = 0, 1

_LONGEST_SHORT_CODE = 8
_E164_DIGITS = re.compile(r"[1-9][0-9]{7,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A source or destination: type of number, numbering plan, and up to 20 characters."""

    ton: int
    npi: int
    address: str


def address_of(sender: str) -> Address:
    """The address of an E.164 number, a short code, a national number, or an alphanumeric sender.

    Digits without a plus are a short code up to 8 of them, a national number up to 10, and
    international from there. Anything else is a name.
    """
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return Address(_ALPHANUMERIC, _UNKNOWN_NPI, sender)
    if digits is not sender:
        return Address(_INTERNATIONAL, _ISDN, digits)
    if len(digits) <= _LONGEST_SHORT_CODE:
        return Address(_NETWORK_SPECIFIC, _UNKNOWN_NPI, digits)
    return Address(_NATIONAL if len(digits) <= 10 else _INTERNATIONAL, _ISDN, digits)


def e164_of(address: Address) -> str | None:
    """The E.164 number that an address stands for, or None for short codes and names.

    Many an SMSC gives the type of number as unknown, or leaves the plus on. Digits without a
    country are taken for the only country code that we text, 1.
    """
    digits = address.address.removeprefix("+")
    if address.ton in (_NETWORK_SPECIFIC, _ALPHANUMERIC) or not _E164_DIGITS.fullmatch(digits):
        return None
    whole = address.ton == _INTERNATIONAL or digits is not address.address
    if whole or (len(digits) == 11 and digits[0] == "1"):
        return f"+{digits}"
    return f"+1{digits}" if len(digits) == 10 and digits[0] != "1" else None
