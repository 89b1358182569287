"""The parts of a text, each way that SMSCs take them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.carriers.smpp.alphabet import Alphabet, decode_text
from outbound_sms.carriers.smpp.long_message import LongMessages, Part, make_parts
from outbound_sms.domain.segments import count_segments, split_segments

GSM7, LATIN1, ASCII = Alphabet.GSM7, Alphabet.LATIN1, Alphabet.ASCII
UDH, PAYLOAD, SAR = LongMessages.UDH, LongMessages.PAYLOAD, LongMessages.SAR
TEXTS = st.lists(
    st.sampled_from(["a" * 152, "[", "€" * 5, "é", "b" * 7, "@_", "~"]), max_size=8
).map("".join) | st.lists(
    st.sampled_from(["ê", "a" * 66, "😀", "字" * 30, "[", "€" * 5, "😀" * 12]), max_size=12
).map("".join)
ASCII_TEXTS = st.lists(st.sampled_from(["a" * 152, "[", "b" * 7, "~~", "z"]), max_size=8).map(
    "".join
)
THOROUGH = settings(max_examples=200, deadline=None)


def parts_of(
    text: str,
    alphabet: Alphabet = GSM7,
    long_messages: LongMessages = UDH,
    reference: int = 0x1234,
) -> list[Part]:
    return make_parts(text, alphabet=alphabet, long_messages=long_messages, reference=reference)


def texts_of(parts: list[Part], alphabet: Alphabet, header: int) -> tuple[str, ...]:
    return tuple(
        decode_text(part.data_coding, part.short_message[header:], alphabet) for part in parts
    )


@pytest.mark.parametrize("long_messages", LongMessages)
@pytest.mark.parametrize(
    ("text", "data_coding", "octets"),
    [
        ("", 0, b""),
        ("a" * 160, 0, b"a" * 160),
        ("[" * 80, 0, b"\x1b\x3c" * 80),
        ("字" * 70, 8, b"\x5b\x57" * 70),
        ("😀" * 35, 8, b"\xd8\x3d\xde\x00" * 35),
    ],
)
def test_a_text_that_fits_is_one_part_without_a_header(
    text: str, data_coding: int, octets: bytes, long_messages: LongMessages
) -> None:
    assert parts_of(text, long_messages=long_messages) == [Part(data_coding, 0, octets)]


def test_parts_with_a_header_count_from_one() -> None:
    assert parts_of("a" * 161, reference=0x1234) == [
        Part(0, 0x40, b"\x05\x00\x03\x34\x02\x01" + b"a" * 153),
        Part(0, 0x40, b"\x05\x00\x03\x34\x02\x02" + b"a" * 8),
    ]


def test_ucs2_parts_with_a_header_hold_67_units() -> None:
    assert parts_of("字" * 71, reference=255) == [
        Part(8, 0x40, b"\x05\x00\x03\xff\x02\x01" + b"\x5b\x57" * 67),
        Part(8, 0x40, b"\x05\x00\x03\xff\x02\x02" + b"\x5b\x57" * 4),
    ]


def test_parts_with_parameters_have_the_whole_reference_and_no_header() -> None:
    assert parts_of("a" * 161, long_messages=SAR, reference=0x1234) == [
        Part(0, 0, b"a" * 153, {0x20C: b"\x12\x34", 0x20E: b"\x02", 0x20F: b"\x01"}),
        Part(0, 0, b"a" * 8, {0x20C: b"\x12\x34", 0x20E: b"\x02", 0x20F: b"\x02"}),
    ]


def test_a_payload_holds_the_whole_text() -> None:
    assert parts_of("a" * 161, long_messages=PAYLOAD) == [Part(0, 0, b"", {0x424: b"a" * 161})]
    assert parts_of("字" * 71, long_messages=PAYLOAD) == [
        Part(8, 0, b"", {0x424: b"\x5b\x57" * 71})
    ]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("a" * 152 + "[" + "a" * 152, [152, 153, 1]),
        ("a" * 66 + "ê" + "😀" + "a" * 66, [134, 134, 2]),
        ("ê" * 66 + "😀" + "ê" * 66, [132, 134, 2]),
        ("ê" * 66 + "\U00010000" + "ê" * 66, [132, 134, 2]),
        ("ê" * 66 + "\U0010ffff" + "ê" * 66, [132, 134, 2]),
        ("ê" * 66 + "\ue000" + "ê" * 66, [134, 132]),
    ],
)
def test_no_pair_is_cut(text: str, sizes: list[int]) -> None:
    assert [len(part.short_message) - 6 for part in parts_of(text)] == sizes


@THOROUGH
@given(TEXTS)
def test_parts_are_the_segments_that_are_charged_for(text: str) -> None:
    parts = parts_of(text)
    header = 6 if len(parts) > 1 else 0
    assert len(parts) == max(1, count_segments(text).carrier_segments)
    assert texts_of(parts, GSM7, header) == (split_segments(text) or ("",))
    assert texts_of(parts_of(text, long_messages=SAR), GSM7, 0) == (split_segments(text) or ("",))


@THOROUGH
@given(ASCII_TEXTS, st.sampled_from([LATIN1, ASCII]))
def test_another_default_alphabet_is_cut_as_the_phone_will_get_it(
    text: str, alphabet: Alphabet
) -> None:
    parts = parts_of(text, alphabet)
    header = 6 if len(parts) > 1 else 0
    assert texts_of(parts, alphabet, header) == (split_segments(text) or ("",))
    assert all(part.data_coding == 0 for part in parts)


def test_latin1_counts_an_extension_character_twice() -> None:
    assert len(parts_of("[" * 80, LATIN1)) == 1
    assert [part.short_message[6:] for part in parts_of("[" * 81, LATIN1)] == [b"[" * 76, b"[" * 5]


@pytest.mark.parametrize("alphabet", [LATIN1, ASCII])
def test_gsm7_that_the_default_alphabet_does_not_hold_is_cut_as_ucs2(alphabet: Alphabet) -> None:
    text = "€" + "a" * 70
    parts = parts_of(text, alphabet)
    assert [(part.data_coding, len(part.short_message)) for part in parts] == [(8, 140), (8, 14)]
    assert "".join(texts_of(parts, alphabet, 6)) == text


@THOROUGH
@given(TEXTS, st.sampled_from(Alphabet), st.sampled_from([UDH, SAR]))
def test_every_part_fits_and_together_they_are_the_text(
    text: str, alphabet: Alphabet, long_messages: LongMessages
) -> None:
    parts = parts_of(text, alphabet, long_messages)
    header = 6 if len(parts) > 1 and long_messages is UDH else 0
    assert "".join(texts_of(parts, alphabet, header)) == text
    most = {0: 153, 8: 134} if len(parts) > 1 else {0: 160, 8: 140}
    assert all(len(part.short_message) - header <= most[part.data_coding] for part in parts)


def test_255_parts_are_the_most() -> None:
    assert len(parts_of("a" * 153 * 255)) == 255
    with pytest.raises(ValueError, match="255 parts"):
        parts_of("a" * (153 * 255 + 1))
    assert len(parts_of("a" * (153 * 255 + 1), long_messages=PAYLOAD)) == 1
