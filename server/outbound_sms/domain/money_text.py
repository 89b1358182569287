"""Amounts of money as backends and administrators write them, and as people read them."""

import re
from decimal import Decimal
from typing import assert_never

from outbound_sms.domain.language import Language

_MICROS = 1_000_000
_AMOUNT = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,2}))?")
_SIGNED = re.compile(r"[+-]?[0-9]{1,12}(?:\.([0-9]+))?")
_PLACES = 6
_DOLLARS = frozenset({"USD", "CAD"})


def parse_amount(text: str) -> int:
    """Micros of `45.10`: 0 to 9,999,999.99, a point, at most 2 decimals.

    Raises ValueError that says how to write it.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("is not an amount; give 0 to 9999999.99, for example 45.10")
    units, decimals = match.groups(default="")
    return int(units) * _MICROS + int(decimals.ljust(2, "0")) * _MICROS // 100


def parse_micros(text: str) -> int:
    """Micros of `-0.0075`: up to 12 digits, a point, at most 6 decimals, exactly.

    Raises ValueError that says how to write it.
    """
    match = _SIGNED.fullmatch(text)
    if match is None:
        raise ValueError("is not an amount; write units with a point, for example 50 or 0.0075")
    if len(match[1] or "") > _PLACES:
        raise ValueError("has more than 6 decimals, and a millionth is the smallest amount")
    return int(Decimal(text) * _MICROS)


def plain_micros(micros: int) -> str:
    """`-0.007500`: always 6 decimals and nothing else, for whoever computes with it."""
    units, fraction = divmod(abs(micros), _MICROS)
    return f"{'-' if micros < 0 else ''}{units}.{fraction:06}"


def show_micros(micros: int, currency: str) -> str:
    """`1,037.50 USD`, nothing cut off: what is below a cent keeps its decimals."""
    units, fraction = divmod(abs(micros), _MICROS)
    decimals = f"{fraction:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{units:,}.{decimals} {currency}".rstrip()


def format_amount(micros: int, currency: str, language: Language) -> str:
    """`$1,045.10` in English and `1 045,10 $` in French; other currencies show their ISO 4217 code.

    For texts, so of GSM-7 only. `micros` is not negative; what is less than a hundredth is cut off.
    """
    units, hundredths = divmod(micros * 100 // _MICROS, 100)
    match language:
        case Language.EN:
            number = f"{units:,}.{hundredths:02}"
            return f"${number}" if currency in _DOLLARS else f"{number} {currency}"
        case Language.FR:
            number = f"{units:,}".replace(",", " ")
            return f"{number},{hundredths:02} {'$' if currency in _DOLLARS else currency}"
        case _:
            assert_never(language)
