"""Texts as octets, and whatever octets as texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.carriers.smpp.alphabet import Alphabet, decode_text, encode_text
from outbound_sms.domain.segments import (
    GSM7_BASIC,
    GSM7_EXTENSION,
    Encoding,
    count_segments,
)

UNHURRIED = settings(deadline=None)
GSM7, LATIN1, ASCII = Alphabet.GSM7, Alphabet.LATIN1, Alphabet.ASCII
EVERY_GSM7 = GSM7_BASIC.replace("\x1b", "") + "".join(GSM7_EXTENSION)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
GSM7_TEXTS = st.text(st.sampled_from(EVERY_GSM7), max_size=200)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", "00"),
        ("$", "02"),
        ("_", "11"),
        ("Hello", "48656c6c6f"),
        ("à", "7f"),
        ("§", "5f"),
        ("Ç", "09"),
        ("€", "1b65"),
        ("\f^{}\\[~]|", "1b0a1b141b281b291b2f1b3c1b3d1b3e1b40"),
        ("a[b", "611b3c62"),
        ("", ""),
    ],
)
def test_gsm7_is_one_septet_an_octet_with_escapes(text: str, octets: str) -> None:
    assert encode_text(text, GSM7) == (0, bytes.fromhex(octets))
    assert decode_text(0, bytes.fromhex(octets), GSM7) == text


@pytest.mark.parametrize("text", ["ê", "`", "😀", "\x1b", "a\tb", "\0"])
def test_what_gsm7_does_not_hold_is_ucs2(text: str) -> None:
    for alphabet in Alphabet:
        assert encode_text(text, alphabet) == (8, text.encode("utf-16-be"))


def test_a_character_outside_the_basic_plane_is_a_surrogate_pair() -> None:
    assert encode_text("😀", GSM7) == (8, b"\xd8\x3d\xde\x00")


def test_a_lone_surrogate_does_not_stop_a_text() -> None:
    assert encode_text("a\ud83d", GSM7) == (8, b"\0a\0?")


@pytest.mark.parametrize(
    ("text", "latin1", "ascii_"),
    [
        ("a_$@[", (0, b"a_$@["), (0, b"a_$@[")),
        ("é", (0, b"\xe9"), (8, b"\0\xe9")),
        ("€", (8, b"\x20\xac"), (8, b"\x20\xac")),
        ("Ω", (8, b"\x03\xa9"), (8, b"\x03\xa9")),
        ("ê", (8, b"\0\xea"), (8, b"\0\xea")),
    ],
)
def test_another_default_alphabet_takes_what_it_and_gsm7_hold(
    text: str, latin1: tuple[int, bytes], ascii_: tuple[int, bytes]
) -> None:
    assert encode_text(text, LATIN1) == latin1
    assert encode_text(text, ASCII) == ascii_


@UNHURRIED
@given(TEXTS, st.sampled_from(Alphabet))
def test_a_text_comes_back_as_it_was_written(text: str, alphabet: Alphabet) -> None:
    data_coding, octets = encode_text(text, alphabet)
    assert decode_text(data_coding, octets, alphabet) == text


@UNHURRIED
@given(GSM7_TEXTS)
def test_a_text_that_is_charged_as_gsm7_goes_out_as_gsm7(text: str) -> None:
    data_coding, octets = encode_text(text, GSM7)
    assert data_coding == 0
    assert len(octets) == count_segments(text).characters


@UNHURRIED
@given(TEXTS | GSM7_TEXTS)
def test_gsm7_and_ucs2_are_told_apart_as_for_the_charge(text: str) -> None:
    expected = 0 if count_segments(text).encoding is Encoding.GSM7 else 8
    assert encode_text(text, GSM7)[0] == expected


@pytest.mark.parametrize(
    ("data_coding", "octets", "alphabet", "expected"),
    [
        (0, b"A\x80\xff", GSM7, "A\ufffd\ufffd"),
        (0, b"\x1b", GSM7, " "),
        (0, b"\x1b\x1bA", GSM7, " A"),
        (0, b"\x1bA", GSM7, "A"),
        (0, b"\x1b\n", GSM7, "\f"),
        (0, b"\x1b\x00\x1b\x65", GSM7, "@€"),
        (0xF0, b"\x00", GSM7, "@"),
        (0xF0, b"@", LATIN1, "@"),
        (0, b"caf\xe9_$", LATIN1, "café_$"),
        (0, b"caf\xe9_$", ASCII, "caf\ufffd_$"),
        (0, b"a\0b", LATIN1, "a\ufffdb"),
        (1, b"@_$\xe9", GSM7, "@_$\ufffd"),
        (3, b"caf\xe9@", GSM7, "café@"),
        (3, b"\0", GSM7, "\ufffd"),
        (6, b"\xd1\xe2\xde\xdf", GSM7, "бтоп"),
        (8, b"\0S\0T", GSM7, "ST"),
        (8, b"\0S\0", GSM7, "S\ufffd"),
        (8, b"\xd8\x3d\xde\x00", GSM7, "😀"),
        (8, b"\xd8\x3d\0S", GSM7, "\ufffdS"),
        (8, b"\xde\x00\0S", GSM7, "\ufffdS"),
        (8, b"\0\0\0S", GSM7, "\ufffdS"),
        (4, b"STOP\xff", GSM7, "STOP\ufffd"),
        (0xAA, b"STOP\0", GSM7, "STOP\ufffd"),
    ],
)
def test_what_cannot_be_read_is_replaced(
    data_coding: int, octets: bytes, alphabet: Alphabet, expected: str
) -> None:
    assert decode_text(data_coding, octets, alphabet) == expected
