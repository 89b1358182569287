"""The texts of an export's columns, read as people and other systems write them.

Every reader takes a text that is not empty and raises ValueRefused with what to do instead.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime

from outbound_sms.domain.consent import CALLER_SOURCES, ConsentSource
from outbound_sms.domain.email_address import ADVICE, is_email_address
from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.language import Language, parse_language
from outbound_sms.domain.region import parse_region
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.time_zone import parse_zone

LIST_SEPARATOR = ";"

_YES = frozenset(["yes", "y", "true", "t", "1", "on", "x", "oui", "o", "vrai", "v", "✓"])
_NO = frozenset(["no", "n", "false", "f", "0", "off", "non", "faux"])
_LANGUAGE_NAMES = {
    "english": Language.EN,
    "anglais": Language.EN,
    "eng": Language.EN,
    "french": Language.FR,
    "francais": Language.FR,
    "fra": Language.FR,
    "fre": Language.FR,
}
_COUNTRY_NAMES = {
    "usa": "US",
    "unitedstates": "US",
    "unitedstatesofamerica": "US",
    "etatsunis": "US",
    "can": "CA",
    "canada": "CA",
}
_EXTENSION = re.compile(r"(?:extension|extn|ext|poste|x|#)?[.:]?\s*([0-9]{1,7})", re.IGNORECASE)


class ValueRefused(ValueError):
    """A text that its column cannot hold. `text` says what to do, without the value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def text_reader(longest: int) -> Callable[[str], str]:
    """A reader of one line of text of at most `longest` characters, accents in composed form."""

    def read(text: str) -> str:
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if len(text) <= longest and text.isprintable():
            return text
        return _checked(text, longest)

    return read


def list_reader(longest_list: int, longest_item: int) -> Callable[[str], tuple[str, ...]]:
    """A reader of texts that are separated by `;`; empty and repeated ones are left out."""
    read_item = text_reader(longest_item)

    def read(text: str) -> tuple[str, ...]:
        parts = (part.strip() for part in text.split(LIST_SEPARATOR))
        items = tuple(dict.fromkeys(read_item(part) for part in parts if part))
        if len(items) > longest_list:
            raise ValueRefused(f"lists {len(items)} things; give at most {longest_list}")
        return items

    return read


def read_boolean(text: str) -> bool:
    """Yes or no, in English or French, or as 1 and 0, or x for a ticked box."""
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueRefused("is neither yes nor no; give yes or no")


def read_language(text: str) -> Language:
    """A code such as fr or fr-CA, or a name such as French or Français."""
    found = parse_language(text)
    if found is None:
        word = re.split(r"[^a-z]", _without_accents(text), maxsplit=1)[0]
        found = _LANGUAGE_NAMES.get(word)
    if found is None:
        raise ValueRefused("is not a language that texts exist in; give en or fr")
    return found


def read_country(text: str) -> str:
    """A two-letter country, or the name of the United States or Canada."""
    letters = re.sub(r"[^a-z]", "", _without_accents(text))
    if len(letters) == 2:
        return letters.upper()
    country = _COUNTRY_NAMES.get(letters)
    if country is None:
        raise ValueRefused("is not a country; give two letters such as US or CA")
    return country


def read_extension(text: str) -> str:
    """Up to seven digits, with or without `x` or `ext.` before them."""
    found = _EXTENSION.fullmatch(text)
    if found is None:
        raise ValueRefused("is not an extension; give 1 to 7 digits")
    return found[1]


def read_email(text: str) -> str:
    """One e-mail address."""
    if not is_email_address(text):
        raise ValueRefused(ADVICE)
    return text


def read_time_zone(text: str) -> str:
    """An IANA name."""
    try:
        parse_zone(text)
    except ValueError as error:
        raise ValueRefused(f"is {error}") from None
    return text


def read_region(text: str) -> str:
    """A state, province or territory: `US-NY`, `NY`, `New York` or `Québec`."""
    try:
        return parse_region(text)
    except ValueError as error:
        raise ValueRefused(f"is {error}") from None


def read_consent_source(text: str) -> ConsentSource:
    """How the consent was given, by the name that the contract has for it."""
    name = text.upper().removeprefix("CONSENT_SOURCE_").replace("-", "")
    source = ConsentSource.__members__.get(name)
    if source not in CALLER_SOURCES:
        raise ValueRefused("is not a source; give web, phone, paper, email, agent or import")
    return source


def read_moment(text: str) -> datetime:
    """A date or a date and time of ISO 8601; UTC where there is no offset."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueRefused("is not a time; give it such as 2026-03-31T14:05:00Z") from None


def _checked(text: str, longest: int) -> str:
    violations = Violations()
    checked = check_text(violations, "", text, required=False, longest=longest)
    try:
        violations.raise_if_any()
    except InvalidRequest as error:
        raise ValueRefused(error.violations[0].description) from None
    return checked


def _without_accents(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in folded if not unicodedata.combining(c))
