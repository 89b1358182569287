"""What a text back to a sending number asks for: STOP, START, HELP, or nothing that is understood.

The rules are those of 47 CFR 64.1200(a)(10): certain words are a revocation by themselves, and
others are one where a reasonable person takes them so. The words are data, in `keyword_words`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from outbound_sms.domain.keyword_words import (
    HELP_WORDS,
    PROFANITIES,
    REFUSALS,
    START_WORDS,
    STOP_PHRASES,
    STOP_SIGN,
    STOP_WORDS,
    TEXTING,
)
from outbound_sms.domain.language import Language, parse_language

_SHORT = 6


class Meaning(IntEnum):
    """What a text back asks for. UNCLEAR is for a person to read."""

    STOP = 1
    START = 2
    HELP = 3
    UNCLEAR = 4


@dataclass(frozen=True, slots=True)
class Keyword:
    """What a text asks for, and the language of the words that say so, to be answered in."""

    meaning: Meaning
    language: Language


_Words = Mapping[str, Language]


def _flat(by_language: Mapping[str, Iterable[str]]) -> _Words:
    """Each word with the language of its answer, which is English where its own has no texts."""
    return {
        word: parse_language(tag) or Language.EN
        for tag, words in by_language.items()
        for word in words
    }


def _one_of(words: Iterable[str], *, whole: bool = True) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    end = r"\b" if whole else ""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))}){end}")


_EXACT = (
    (Meaning.STOP, _flat(STOP_WORDS)),
    (Meaning.START, _flat(START_WORDS)),
    (Meaning.HELP, _flat(HELP_WORDS)),
)
_STOP_WORDS = _flat(STOP_WORDS)
_PHRASES = _flat(STOP_PHRASES)
_REFUSALS = _flat(REFUSALS)
_PHRASE = _one_of(_PHRASES)
_REFUSAL = _one_of(_REFUSALS)
_TEXTING = _one_of(TEXTING, whole=False)
_PROFANITY = _one_of(PROFANITIES, whole=False)
_STOP = re.compile(r"\bSTOP\b")
_SIGNS = re.compile(rf"{STOP_SIGN}+")
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u02bc`\u00b4"))


def read_keyword(text: str) -> Keyword:
    """What the text asks for, in whatever case, accents, width and punctuation.

    A whole text that is a word of STOP, START or HELP is that, in this order. Any other text is a
    STOP if it has up to 6 words and begins or ends with a word of STOP, or repeats such words only;
    if it has "stop", "don't" or their like before a word for texting, a set phrase, or STOP and a
    swear word; or if it is the stop sign alone.

    STOP is over-eager on purpose: who is lost by mistake can text START, who is texted against
    their will can sue. So CANCEL is a stop though it may mean an appointment, and so are "bus
    stop", "don't stop", "when does the outage end" and "do not forget to send the bill". It takes
    whole words, so that "my internet stopped, please contact me" and "it is quite slow, send help"
    are not; nor is "we will stop by at 5". START and HELP are never guessed: nobody may be opted in
    by mistake.

    Spanish words are understood and answered in English, as long as there are no Spanish texts.
    Never raises; takes time in proportion to the length of the text.
    """
    readings = _readings(text)
    for meaning, words in _EXACT:
        for reading in readings:
            if reading in words:
                return Keyword(meaning, words[reading])
    for reading in readings:
        language = _stop_language(reading)
        if language is not None:
            return Keyword(Meaning.STOP, language)
    if _is_stop_sign(text):
        return Keyword(Meaning.STOP, Language.EN)
    return Keyword(Meaning.UNCLEAR, Language.EN)


def _readings(text: str) -> tuple[str, str]:
    """The text in capitals without accents, its punctuation left out, and taken as spaces.

    "OPT-OUT" and "S.T.O.P." need the first, "STOP,please" the second.
    """
    # Twice, because capitals of compatibility characters may again be such, or carry accents.
    upper = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).upper()
    joined = []
    spaced = []
    for character in unicodedata.normalize("NFKD", upper):
        if character.isalnum():
            joined.append(character)
            spaced.append(character)
        elif character.isspace():
            joined.append(" ")
            spaced.append(" ")
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            spaced.append(" ")
    return " ".join("".join(joined).split()), " ".join("".join(spaced).split())


def _stop_language(reading: str) -> Language | None:
    """The language of a request to be left alone; None where the reading has none."""
    tokens = reading.split()
    if len(tokens) <= _SHORT or _STOP_WORDS.keys() >= set(tokens):
        for end in (tokens[:2], tokens[:1], tokens[-2:], tokens[-1:]):
            word = " ".join(end)
            if word in _STOP_WORDS:
                return _STOP_WORDS[word]
    phrase = _PHRASE.search(reading)
    if phrase:
        return _PHRASES[phrase.group()]
    refusal = _REFUSAL.search(reading)
    if refusal and _TEXTING.search(reading, refusal.end()):
        return _REFUSALS[refusal.group()]
    if _STOP.search(reading) and _PROFANITY.search(reading):
        return Language.EN
    return None


def _is_stop_sign(text: str) -> bool:
    visible = (character for character in text if unicodedata.category(character)[0] not in "CMPZ")
    return _SIGNS.fullmatch("".join(visible)) is not None
