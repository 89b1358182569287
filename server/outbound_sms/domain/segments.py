"""How a text travels by SMS: its encoding, its length, and the segments that a carrier makes of it.

Facts from 3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation): one message holds 140 octets,
which is 160 GSM-7 septets or 70 UCS-2 units; a part of a longer text gives 6 octets to its header
and holds 153 septets or 67 units. A character of the extension table takes an escape and a code,
a character outside the Basic Multilingual Plane takes a surrogate pair; neither pair may be cut.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

# The place of a character is its septet code, hence the escape at 0x1B, which is no character.
GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}

_GSM7 = frozenset(GSM7_BASIC.replace("\x1b", "")) | frozenset(GSM7_EXTENSION)
_ESCAPED = re.compile(f"[{re.escape(''.join(GSM7_EXTENSION))}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Encoding(IntEnum):
    """The alphabet of a whole text: one character outside GSM-7 makes all of it UCS-2."""

    GSM7 = 1
    UCS2 = 2


@dataclass(frozen=True, slots=True)
class OffendingCharacter:
    """A character that forces UCS-2.

    `index` is the code point index of its first occurrence, `count` how often it occurs,
    `name` its Unicode name, or its code point (`U+001B`) where Unicode gives none.
    """

    character: str
    index: int
    count: int
    name: str


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """What a carrier makes of a text.

    `characters` are septets in GSM-7 (an extension character is two) and UTF-16 code units in
    UCS-2. `offending` are the characters that force UCS-2, by first occurrence; empty in GSM-7.
    An empty text has no characters and no segments.
    """

    encoding: Encoding
    characters: int
    carrier_segments: int
    offending: tuple[OffendingCharacter, ...]


def count_segments(text: str) -> SegmentCount:
    """The encoding, length and carrier segments of a text, packed greedily, no pair cut."""
    outside = set(text) - _GSM7
    encoding = Encoding.UCS2 if outside else Encoding.GSM7
    halves = _second_halves(text, encoding)
    characters = len(text) + len(halves)
    return SegmentCount(
        encoding=encoding,
        characters=characters,
        carrier_segments=len(_segment_ends(characters, halves, encoding)),
        offending=_offending(text, outside) if outside else (),
    )


def split_segments(text: str) -> tuple[str, ...]:
    """The text of each carrier segment, in order; joined they are the text again."""
    encoding = Encoding.UCS2 if set(text) - _GSM7 else Encoding.GSM7
    halves = _second_halves(text, encoding)
    segments = []
    start = 0
    for end in _segment_ends(len(text) + len(halves), halves, encoding):
        stop = end - bisect_left(halves, end)
        segments.append(text[start:stop])
        start = stop
    return tuple(segments)


def _second_halves(text: str, encoding: Encoding) -> list[int]:
    """Where the second halves of the pairs stand, in septets or units from 0, ascending."""
    pairs = _ESCAPED if encoding is Encoding.GSM7 else _ASTRAL
    return [match.start() + nth + 1 for nth, match in enumerate(pairs.finditer(text))]


def _segment_ends(characters: int, halves: list[int], encoding: Encoding) -> list[int]:
    """Where each segment ends (exclusive), in septets or units."""
    match encoding:
        case Encoding.GSM7:
            alone, part = 160, 153
        case Encoding.UCS2:
            alone, part = 70, 67
        case _:
            assert_never(encoding)
    if characters <= alone:
        return [characters] if characters else []
    uncuttable = frozenset(halves)
    ends = []
    end = 0
    while characters - end > part:
        end += part
        if end in uncuttable:
            end -= 1
        ends.append(end)
    ends.append(characters)
    return ends


def _offending(text: str, outside: set[str]) -> tuple[OffendingCharacter, ...]:
    counts = Counter(character for character in text if character in outside)
    return tuple(
        OffendingCharacter(
            character=character,
            index=text.index(character),
            count=count,
            name=unicodedata.name(character, f"U+{ord(character):04X}"),
        )
        for character, count in counts.items()
    )
