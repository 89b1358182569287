"""The answers to STOP, START and HELP, kept as one small file for each keyword and language.

The files are `texts/reply_<keyword in lower case>.<language>.txt`, read and checked when this
module is imported. A part in brackets is left out where it has no value, or no room.
"""

import unicodedata
from collections.abc import Iterator
from importlib import resources
from itertools import chain, count

from outbound_sms.domain.keyword import Meaning
from outbound_sms.domain.language import Language
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.domain.variable import (
    OPTIONAL_PART,
    choose_parts,
    clean_value,
    fill,
    variables_of,
)

_VARIABLES = {
    Meaning.STOP: {"COMPANY_NAME"},
    Meaning.START: {"COMPANY_NAME"},
    Meaning.HELP: {"COMPANY_NAME", "PHONE_NUMBER", "EMAIL_ADDRESS"},
}
_DOTS = "..."
_SHORTEST_NAME = 40
_LONGEST_NAME = 160
_MARKS = {"\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-"}


def _load(meaning: Meaning, language: Language) -> str:
    file = f"reply_{meaning.name.lower()}.{language}.txt"
    folder = resources.files("outbound_sms.domain").joinpath("texts")
    text = folder.joinpath(file).read_text("utf-8").strip()
    if variables_of(text) != _VARIABLES[meaning]:
        raise ValueError(f"{file} must use exactly the variables {sorted(_VARIABLES[meaning])}")
    return text


_TEXTS = {
    (meaning, language): _load(meaning, language) for meaning in _VARIABLES for language in Language
}


def reply_text(
    meaning: Meaning,
    language: Language,
    company: str,
    *,
    phone_number: str | None,
    email_address: str | None,
) -> str:
    """The answer to a keyword, signed with the company's name.

    After STOP it only confirms (47 CFR 64.1200(a)(12)); to HELP it names the sender, what the
    department answers on, as people shall read it, and how to stop (CTIA messaging principles). The
    other answers do not use the phone number and the e-mail.

    One GSM-7 segment: the values lose the accents that GSM-7 lacks, the name its end down to 40
    characters, the text its optional parts from the last on, and then the name still more. Only a
    value in another script takes UCS-2, whole, and as many segments as it needs. Raises ValueError
    for UNCLEAR and for a blank company.
    """
    if meaning not in _VARIABLES:
        raise ValueError(f"{meaning.name} is not answered")
    values = {
        "COMPANY_NAME": _plain(company),
        "PHONE_NUMBER": _plain(phone_number),
        "EMAIL_ADDRESS": _plain(email_address),
    }
    texts = _from_longest(_TEXTS[meaning, language], values)
    longest = next(texts)
    if count_segments(longest).encoding is not Encoding.GSM7:
        return longest
    return next(text for text in chain([longest], texts) if _fits(text))


def _fits(text: str) -> bool:
    return count_segments(text).carrier_segments == 1


def _from_longest(template: str, values: dict[str, str]) -> Iterator[str]:
    """The text with all its parts, then with ever fewer, each with ever less of the name."""
    given = frozenset(name for name, value in values.items() if value)
    name = values["COMPANY_NAME"]
    for kept in range(len(OPTIONAL_PART.findall(template)), -1, -1):
        parts = choose_parts(_first_parts(template, kept), given)
        yield fill(parts, values)
        shortest = _SHORTEST_NAME if kept else 1
        for length in range(min(len(name), _LONGEST_NAME) - 1, shortest - 1, -1):
            yield fill(parts, values | {"COMPANY_NAME": name[:length].rstrip() + _DOTS})


def _first_parts(template: str, kept: int) -> str:
    """The template with its first `kept` parts in brackets only."""
    place = count()
    return OPTIONAL_PART.sub(lambda part: part.group() if next(place) < kept else "", template)


def _plain(value: str | None) -> str:
    """The value, clean, with a plain letter or mark for each character that would force UCS-2.

    A character that has none stays.
    """
    text = unicodedata.normalize("NFC", clean_value(value))
    outside = count_segments(text).offending
    return text.translate({ord(found.character): _letter(found.character) for found in outside})


def _letter(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    decomposed = unicodedata.normalize("NFKD", character)
    letter = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return character if count_segments(letter).offending else letter
