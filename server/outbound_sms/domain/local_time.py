"""Moments and days as subscribers read them in a text: short, in their language, GSM-7 only."""

from datetime import date, datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from outbound_sms.domain.language import Language

_MONTHS_EN = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
# "aout" is the spelling of the 1990 reform; the other one has a û, which is not in GSM-7.
_MONTHS_FR = (
    "janv.", "févr.", "mars", "avr.", "mai", "juin",
    "juill.", "aout", "sept.", "oct.", "nov.", "déc.",
)  # fmt: skip
_ZONES_FR = {
    "NST": "HNT",
    "NDT": "HAT",
    "AST": "HNA",
    "ADT": "HAA",
    "EST": "HNE",
    "EDT": "HAE",
    "CST": "HNC",
    "CDT": "HAC",
    "MST": "HNR",
    "MDT": "HAR",
    "PST": "HNP",
    "PDT": "HAP",
}


def format_date(day: date, language: Language) -> str:
    """`Dec 1` in English, `1er déc` in French; the year is left out.

    No point after the month, because a sentence may end with it.
    """
    return _day(day, language).removesuffix(".")


def format_local_time(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """`Mar 8 9:30 PM EST` in English, `8 mars 21 h 30 HNE` in French; the year is left out.

    Seconds are cut off. Raises ValueError for a datetime without an offset.
    """
    if moment.utcoffset() is None:
        raise ValueError("the time has no offset")
    local = moment.astimezone(zone)
    day = _day(local, language)
    match language:
        case Language.EN:
            hour = local.hour % 12 or 12
            half = "AM" if local.hour < 12 else "PM"
            return f"{day} {hour}:{local.minute:02} {half} {_zone_name(local)}"
        case Language.FR:
            minutes = f" {local.minute:02}" if local.minute else ""
            name = _zone_name(local)
            return f"{day} {local.hour} h{minutes} {_ZONES_FR.get(name, name)}"
        case _:
            assert_never(language)


def _day(day: date, language: Language) -> str:
    match language:
        case Language.EN:
            return f"{_MONTHS_EN[day.month - 1]} {day.day}"
        case Language.FR:
            ordinal = "1er" if day.day == 1 else str(day.day)
            return f"{ordinal} {_MONTHS_FR[day.month - 1]}"
        case _:
            assert_never(language)


def _zone_name(local: datetime) -> str:
    """The zone's abbreviation; zones that have only an offset get `UTC-03`."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"
