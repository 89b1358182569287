"""Texts as octets and back: what data_coding means (SMPP 3.4, 5.2.19; 3GPP TS 23.038)."""

import codecs
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, assert_never

from outbound_sms.domain.segments import GSM7_BASIC, GSM7_EXTENSION

DEFAULT_CODING = 0
UCS2_CODING = 8

_ESCAPE = 0x1B
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"

# A value of two octets is an escape and a code. The escape itself is no character.
_TO_SEPTETS: dict[int, Any] = {
    ord(character): septet for septet, character in enumerate(GSM7_BASIC) if septet != _ESCAPE
} | {ord(character): bytes((_ESCAPE, code)) for character, code in GSM7_EXTENSION.items()}
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)
_FROM_ESCAPED: Mapping[str, str] = {
    GSM7_BASIC[code]: character for character, code in GSM7_EXTENSION.items()
}

_CODECS: Mapping[int, str] = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8"}


class Alphabet(StrEnum):
    """What an SMSC takes data_coding 0, its default alphabet, to mean."""

    GSM7 = "gsm7"
    LATIN1 = "latin1"
    ASCII = "ascii"


def gsm7_octets(text: str) -> bytes | None:
    """The septets of a text, one an octet, or None where a character is not in GSM-7."""
    try:
        return codecs.charmap_encode(text, "strict", _TO_SEPTETS)[0]
    except UnicodeEncodeError:
        return None


def encode_text(text: str, alphabet: Alphabet) -> tuple[int, bytes]:
    """data_coding and octets: the default alphabet where it holds the text, or else UCS-2.

    A text that GSM-7 does not hold is always UCS-2, also where Latin-1 would do: the phone gets
    GSM-7 or UCS-2 whatever the SMSC speaks, so "ê" as Latin-1 would arrive as another letter, or
    in more segments than were charged for.
    """
    septets = gsm7_octets(text)
    if septets is not None:
        octets = _in_default(text, septets, alphabet)
        if octets is not None:
            return DEFAULT_CODING, octets
    # A lone surrogate, which no valid text has, goes out as a question mark.
    return UCS2_CODING, text.encode("utf-16-be", "replace")


def _in_default(text: str, septets: bytes, alphabet: Alphabet) -> bytes | None:
    match alphabet:
        case Alphabet.GSM7:
            return septets
        case Alphabet.LATIN1 | Alphabet.ASCII:
            try:
                return text.encode("latin-1" if alphabet is Alphabet.LATIN1 else "ascii")
            except UnicodeEncodeError:
                return None
        case _:
            assert_never(alphabet)


def decode_text(data_coding: int, data: bytes, alphabet: Alphabet) -> str:
    """The text of a message from an SMSC. Never raises.

    What cannot be read becomes U+FFFD: half a UCS-2 unit, a lone surrogate, an octet outside the
    alphabet, and NUL, which PostgreSQL does not store. A data_coding that we do not know is read as
    ASCII, so that a keyword such as STOP is seen in it.
    """
    # 0xF0 to 0xF3: the default alphabet with a message class (TS 23.038, 4).
    if data_coding == DEFAULT_CODING or 0xF0 <= data_coding <= 0xF3:
        text = _from_default(data, alphabet)
    elif data_coding == UCS2_CODING:
        text = data.decode("utf-16-be", "replace")
    else:
        text = data.decode(_CODECS.get(data_coding, "ascii"), "replace")
    return text.replace("\0", _UNREADABLE) if "\0" in text else text


def _from_default(data: bytes, alphabet: Alphabet) -> str:
    match alphabet:
        case Alphabet.GSM7:
            text = codecs.charmap_decode(data, "replace", GSM7_BASIC)[0]
            return _ESCAPED.sub(_unescaped, text) if "\x1b" in text else text
        case Alphabet.LATIN1:
            return data.decode("latin-1")
        case Alphabet.ASCII:
            return data.decode("ascii", "replace")
        case _:
            assert_never(alphabet)


def _unescaped(pair: re.Match[str]) -> str:
    """An extension character; else, as TS 23.038 6.2.1.1 asks, the character without its escape.

    A second escape, and one with nothing behind it, is a space.
    """
    code = pair[1]
    return " " if code in ("", "\x1b") else _FROM_ESCAPED.get(code, code)
