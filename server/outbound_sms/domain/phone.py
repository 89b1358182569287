"""Phone numbers: read as people write them, kept in E.164 with the country that they belong to.

The country comes from the numbering plan metadata of `phonenumbers`, never from "+1": that code is
shared by the US, Canada and some twenty other countries, several of them known for toll fraud.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from outbound_sms.domain.language import Language

TEXTABLE_COUNTRIES = frozenset({"US", "CA"})
PREMIUM_AREA_CODES = frozenset({"900", "976"})

_LONGEST_INPUT = 64
_EXTENSION = re.compile(
    r"(?:;ext=|[\s,;]*(?:extension|extn|ext|poste|x|#)[.:]?\s*)(\d{1,7})#?$", re.IGNORECASE
)
_DIALLABLE = re.compile(r"\(?\+?[\d().\-/ ]*\d[\d().\-/ ]*")

# The last group of a UUID can hold ten to twelve digits in a row; it is left alone, so that ids
# stay findable.
_GROUPS = "[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-"
_DIGIT_RUN = re.compile(
    rf"(?<!{_GROUPS})(?<!{_GROUPS}[0-9A-Fa-f])(?<!{_GROUPS}[0-9A-Fa-f]{{2}})"
    r"(?<!\d)\+?\d{10,15}(?!\d)"
)


class PhoneRefusal(StrEnum):
    """Why a text is no phone number."""

    EMPTY = "EMPTY"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    LETTERS = "LETTERS"
    COUNTRY_NEEDED = "COUNTRY_NEEDED"
    COUNTRY_UNKNOWN = "COUNTRY_UNKNOWN"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    INVALID = "INVALID"


_ADVICE = {
    PhoneRefusal.EMPTY: "is empty; give a phone number such as +12125550101",
    PhoneRefusal.NOT_A_NUMBER: "is not one phone number; give digits such as +12125550101",
    PhoneRefusal.LETTERS: "has letters; write the number in digits, such as +12125550101",
    PhoneRefusal.COUNTRY_NEEDED: "has no country; start it with + and the country code, or "
    "give the country",
    PhoneRefusal.COUNTRY_UNKNOWN: "has an unknown country; start it with + and a country code, "
    "or give a two-letter country such as US or CA",
    PhoneRefusal.TOO_SHORT: "is too short; give the area code and the whole number",
    PhoneRefusal.TOO_LONG: "is too long; give one number, any extension after an x",
    PhoneRefusal.INVALID: "is not in use in its country; check the area code and the digits",
}


class PhoneRefused(ValueError):
    """A text that is no phone number. `text` says what to do and never repeats the number."""

    def __init__(self, code: PhoneRefusal) -> None:
        super().__init__(_ADVICE[code])
        self.code = code
        self.text = _ADVICE[code]


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A valid number: `e164` with its plus sign, two-letter `country`, `extension` in digits."""

    e164: str
    country: str
    extension: str | None

    @property
    def is_premium(self) -> bool:
        """Whether texting or calling it costs extra: area codes 900 and 976. Never text these."""
        return self.e164.startswith("+1") and self.e164[2:5] in PREMIUM_AREA_CODES


def parse_phone(raw: str, default_country: str | None) -> PhoneNumber:
    """Reads a number of any country; `default_country` (two letters) serves where there is no +.

    Takes punctuation, `tel:`, full-width digits and `x12`, `ext. 12`, `poste 12` or `#12` at the
    end. Raises PhoneRefused. Whether the number may be texted is for `textable_country` and
    `is_premium` to say.
    """
    dialled, extension = _take_extension(_plain(raw))
    number = _parse(dialled, default_country)
    country = phonenumbers.region_code_for_number(number)
    if country is None or not phonenumbers.is_valid_number_for_region(number, country):
        raise PhoneRefused(_refusal_of(number))
    if len(country) != 2:
        raise PhoneRefused(PhoneRefusal.INVALID)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return PhoneNumber(e164=e164, country=country, extension=extension)


def textable_country(country: str) -> bool:
    """Whether the service sends texts to this country (two letters): the US and Canada."""
    return country in TEXTABLE_COUNTRIES


def display_number(e164: str, extension: str | None, language: Language) -> str:
    """The number as it reads in a text: `(212) 555-0101 x12`, in French `poste 12`."""
    number = phonenumbers.parse(e164, None)
    layout = (
        PhoneNumberFormat.NATIONAL if number.country_code == 1 else PhoneNumberFormat.INTERNATIONAL
    )
    shown = phonenumbers.format_number(number, layout)
    if not extension:
        return shown
    return f"{shown} poste {extension}" if language is Language.FR else f"{shown} x{extension}"


def mask(e164: str) -> str:
    """`+12125550123` becomes `+1212***0123`; of a shorter number only the last two digits show."""
    digits = e164.removeprefix("+")
    if len(digits) < 10:
        return f"***{digits[-2:]}" if len(digits) > 4 else "***"
    sign = "+" if e164.startswith("+") else ""
    return f"{sign}{digits[:4]}***{digits[-4:]}"


def mask_numbers(text: str) -> str:
    """The text with every run of 10 to 15 digits masked, with or without a plus sign."""
    return _DIGIT_RUN.sub(lambda match: mask(match.group()), text)


def _plain(raw: str) -> str:
    """The input in plain digits, spaces and hyphens, without `tel:` and invisible characters."""
    if len(raw) > _LONGEST_INPUT:
        raise PhoneRefused(PhoneRefusal.TOO_LONG)
    text = raw if raw.isascii() else _in_plain_characters(raw)
    text = text.strip()
    return text[4:].lstrip() if text[:4].lower() == "tel:" else text


def _in_plain_characters(raw: str) -> str:
    return "".join(map(_plain_character, unicodedata.normalize("NFKC", raw)))


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    return "" if category == "Cf" else character


def _take_extension(text: str) -> tuple[str, str | None]:
    """Splits the extension off; raises PhoneRefused when the rest cannot be dialled."""
    if _DIALLABLE.fullmatch(text):
        return text, None
    found = _EXTENSION.search(text)
    if found and _DIALLABLE.fullmatch(dialled := text[: found.start()]):
        return dialled, found.group(1)
    if not text:
        raise PhoneRefused(PhoneRefusal.EMPTY)
    if any(character.isalpha() for character in text):
        raise PhoneRefused(PhoneRefusal.LETTERS)
    raise PhoneRefused(PhoneRefusal.NOT_A_NUMBER)


def _parse(dialled: str, default_country: str | None) -> phonenumbers.PhoneNumber:
    region = default_country.strip().upper() if default_country else None
    if "+" not in dialled:
        if not region:
            raise PhoneRefused(PhoneRefusal.COUNTRY_NEEDED)
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise PhoneRefused(PhoneRefusal.COUNTRY_UNKNOWN)
    try:
        return phonenumbers.parse(dialled, region)
    except NumberParseException as error:
        raise PhoneRefused(
            {
                NumberParseException.INVALID_COUNTRY_CODE: PhoneRefusal.COUNTRY_UNKNOWN,
                NumberParseException.TOO_SHORT_AFTER_IDD: PhoneRefusal.TOO_SHORT,
                NumberParseException.TOO_SHORT_NSN: PhoneRefusal.TOO_SHORT,
                NumberParseException.TOO_LONG: PhoneRefusal.TOO_LONG,
            }.get(error.error_type, PhoneRefusal.NOT_A_NUMBER)
        ) from None


def _refusal_of(number: phonenumbers.PhoneNumber) -> PhoneRefusal:
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.TOO_SHORT | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return PhoneRefusal.TOO_SHORT
        case ValidationResult.TOO_LONG:
            return PhoneRefusal.TOO_LONG
        case ValidationResult.INVALID_COUNTRY_CODE:
            return PhoneRefusal.COUNTRY_UNKNOWN
        case _:
            return PhoneRefusal.INVALID
