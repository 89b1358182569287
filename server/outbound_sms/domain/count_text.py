"""The count of an event as subscribers read it, with its unit."""

from collections.abc import Mapping

from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_type import CountUnit

# One, then several. The spaces of French are plain ones, which are in GSM-7.
_WORDS: Mapping[Language, Mapping[CountUnit, tuple[str, str]]] = {
    Language.EN: {
        CountUnit.MONTHS: (" month", " months"),
        CountUnit.DAYS: (" day", " days"),
        CountUnit.PERCENT: ("%", "%"),
    },
    Language.FR: {
        CountUnit.MONTHS: (" mois", " mois"),
        CountUnit.DAYS: (" jour", " jours"),
        CountUnit.PERCENT: (" %", " %"),
    },
}


def format_count(count: int, unit: CountUnit, language: Language) -> str:
    """`1 day`, `3 days`, `80%`; in French `1 jour`, `3 jours`, `80 %`."""
    one, several = _WORDS[language][unit]
    return f"{count}{one if count == 1 else several}"
