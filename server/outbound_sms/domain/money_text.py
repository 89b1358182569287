"""Amounts of money as backends write them and as subscribers read them, GSM-7 only."""

import re
from typing import assert_never

from outbound_sms.domain.language import Language

_MICROS = 1_000_000
_AMOUNT = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,2}))?")
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


def format_amount(micros: int, currency: str, language: Language) -> str:
    """`$1,045.10` in English and `1 045,10 $` in French; other currencies show their ISO 4217 code.

    `micros` is not negative; what is less than a hundredth is cut off.
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
