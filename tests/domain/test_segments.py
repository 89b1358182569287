import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbound_sms.domain.segments import (
    GSM7_BASIC,
    GSM7_EXTENSION,
    Encoding,
    OffendingCharacter,
    count_segments,
    split_segments,
)

# Septet code to Unicode, by the numbers of 3GPP TS 23.038, so that a slip in the string shows.
BASIC_CODE_POINTS = (
    "40 A3 24 A5 E8 E9 F9 EC F2 C7 0A D8 F8 0D C5 E5 "
    "394 5F 3A6 393 39B 3A9 3A0 3A8 3A3 398 39E 1B C6 E6 DF C9 "
    "20 21 22 23 A4 25 26 27 28 29 2A 2B 2C 2D 2E 2F "
    "30 31 32 33 34 35 36 37 38 39 3A 3B 3C 3D 3E 3F "
    "A1 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F "
    "50 51 52 53 54 55 56 57 58 59 5A C4 D6 D1 DC A7 "
    "BF 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F "
    "70 71 72 73 74 75 76 77 78 79 7A E4 F6 F1 FC E0"
)
ESCAPED = "\f^{}\\[~]|€"
GSM7_TEXTS = st.text(st.sampled_from("aé à@\n" + ESCAPED), min_size=140, max_size=640) | st.lists(
    st.sampled_from(["a" * 152, "[", "b" * 7, "€" * 30]), max_size=8
).map("".join)
UCS2_TEXTS = st.lists(
    st.sampled_from(["ê", "a" * 66, "😀", "字" * 30, "[", "€" * 5, "😀" * 12]), max_size=12
).map("".join)
TEXTS = GSM7_TEXTS | UCS2_TEXTS | st.text(max_size=400)
THOROUGH = settings(max_examples=300, deadline=None)


def slow_characters(text: str) -> tuple[Encoding, list[int]]:
    """The width of every character by the numeric tables above, one at a time."""
    basic = {chr(int(code, 16)) for code in BASIC_CODE_POINTS.split()} - {"\x1b"}
    if all(character in basic or character in ESCAPED for character in text):
        return Encoding.GSM7, [2 if character in ESCAPED else 1 for character in text]
    return Encoding.UCS2, [2 if ord(character) > 0xFFFF else 1 for character in text]


def fewest_segments(encoding: Encoding, widths: list[int]) -> int:
    """The least number of parts that hold whole characters, by trying every last part."""
    alone, part = (160, 153) if encoding is Encoding.GSM7 else (70, 67)
    if not widths:
        return 0
    if sum(widths) <= alone:
        return 1
    fewest = [0]
    for end in range(1, len(widths) + 1):
        used = 0
        start = end
        best = end
        while start > 0 and used + widths[start - 1] <= part:
            start -= 1
            used += widths[start]
            best = min(best, fewest[start] + 1)
        fewest.append(best)
    return fewest[-1]


def test_every_basic_character_stands_at_its_septet_code() -> None:
    assert [f"{ord(character):02X}" for character in GSM7_BASIC] == BASIC_CODE_POINTS.split()


def test_extension_characters_have_their_codes() -> None:
    assert set(GSM7_EXTENSION) == set(ESCAPED)
    codes = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64}
    assert codes | {"€": 101} == GSM7_EXTENSION


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "segments"),
    [
        ("", Encoding.GSM7, 0, 0),
        ("a" * 160, Encoding.GSM7, 160, 1),
        ("a" * 161, Encoding.GSM7, 161, 2),
        ("a" * 306, Encoding.GSM7, 306, 2),
        ("a" * 307, Encoding.GSM7, 307, 3),
        ("a" * 158 + "€", Encoding.GSM7, 160, 1),
        ("a" * 159 + "€", Encoding.GSM7, 161, 2),
        ("a" * 152 + "[" + "a" * 152, Encoding.GSM7, 306, 3),
        ("a" * 151 + "[" + "a" * 153, Encoding.GSM7, 306, 2),
        ("[" * 80, Encoding.GSM7, 160, 1),
        ("[" * 81, Encoding.GSM7, 162, 2),
        ("[" * 153, Encoding.GSM7, 306, 3),
        ("ê" * 70, Encoding.UCS2, 70, 1),
        ("ê" * 71, Encoding.UCS2, 71, 2),
        ("ê" * 134, Encoding.UCS2, 134, 2),
        ("ê" * 202, Encoding.UCS2, 202, 4),
        ("é" * 66 + "😀" + "é" * 66, Encoding.UCS2, 134, 3),
        ("😀" * 35, Encoding.UCS2, 70, 1),
        ("😀" * 67, Encoding.UCS2, 134, 3),
        ("[" * 69 + "ê", Encoding.UCS2, 70, 1),
        ("\x1b", Encoding.UCS2, 1, 1),
    ],
)
def test_known_lengths_and_segments(
    text: str, encoding: Encoding, characters: int, segments: int
) -> None:
    count = count_segments(text)
    assert (count.encoding, count.characters, count.carrier_segments) == (
        encoding,
        characters,
        segments,
    )


def test_french_letters_outside_gsm7_are_named_in_order_with_their_places() -> None:
    assert count_segments("Vous êtes ça, êtes-vous 😀").offending == (
        OffendingCharacter("ê", 5, 2, "LATIN SMALL LETTER E WITH CIRCUMFLEX"),
        OffendingCharacter("ç", 10, 1, "LATIN SMALL LETTER C WITH CEDILLA"),
        OffendingCharacter("😀", 24, 1, "GRINNING FACE"),
    )


def test_a_nameless_character_is_named_by_its_code_point() -> None:
    assert count_segments("a\x1b").offending == (OffendingCharacter("\x1b", 1, 1, "U+001B"),)


@pytest.mark.parametrize("character", "êçôîûâëïœÀÈÊáíóú’“–…\u00a0\t")
def test_characters_that_look_harmless_force_ucs2(character: str) -> None:
    assert count_segments("a" + character).encoding is Encoding.UCS2


@pytest.mark.parametrize("character", "éèàùìòÉÇÄÖÑÜäöñüåØøÆæß£¥§¿¡€\n")
def test_accented_characters_of_the_alphabet_stay_gsm7(character: str) -> None:
    assert count_segments("a" + character).encoding is Encoding.GSM7


@THOROUGH
@given(TEXTS)
@example("a" * 152 + "[" + "a" * 152)
@example("字" * 66 + "😀" + "字" * 66)
def test_greedy_packing_needs_as_few_segments_as_the_best_packing(text: str) -> None:
    encoding, widths = slow_characters(text)
    count = count_segments(text)
    assert (count.encoding, count.characters) == (encoding, sum(widths))
    assert count.carrier_segments == fewest_segments(encoding, widths)
    assert bool(count.offending) == (encoding is Encoding.UCS2)


@THOROUGH
@given(TEXTS)
@example("a" * 152 + "[" + "a" * 152)
@example("字" * 66 + "😀" + "字" * 66)
def test_the_parts_joined_are_the_text_and_each_fits_its_segment(text: str) -> None:
    parts = split_segments(text)
    encoding, widths = slow_characters(text)
    alone, part = (160, 153) if encoding is Encoding.GSM7 else (70, 67)
    limit = alone if len(parts) == 1 else part
    assert "".join(parts) == text
    assert len(parts) == count_segments(text).carrier_segments
    position = 0
    for piece in parts:
        assert piece
        assert sum(widths[position : position + len(piece)]) <= limit
        position += len(piece)


@THOROUGH
@given(TEXTS, st.sampled_from("a[ê😀"))
def test_a_longer_text_never_takes_fewer_characters_or_segments(text: str, more: str) -> None:
    short, long = count_segments(text), count_segments(text + more)
    assert long.carrier_segments >= short.carrier_segments
    if long.encoding is short.encoding:
        assert long.characters > short.characters


@THOROUGH
@given(st.text(max_size=200))
def test_offending_characters_account_for_every_character_outside_gsm7(text: str) -> None:
    offending = count_segments(text).offending
    found = [found.index for found in offending]
    assert found == sorted(found)
    for one in offending:
        assert text.index(one.character) == one.index
        assert text.count(one.character) == one.count
        assert one.name == unicodedata.name(one.character, one.name)
    rest = text.translate({ord(one.character): None for one in offending})
    assert count_segments(rest).encoding is Encoding.GSM7
