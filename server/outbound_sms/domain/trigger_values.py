"""The values that an event carries for its text: read once, shown in any language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import assert_never

from outbound_sms.domain.money_text import parse_amount
from outbound_sms.domain.trigger_type import TriggerType, TriggerVariable, VariableKind
from outbound_sms.domain.variable import clean_value

# Stricter than Python's own readers, which also take weeks, missing seconds and commas.
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE = re.compile(_DAY)
_TIME = re.compile(
    rf"{_DAY}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
)
# Other years are typing errors; the ends of the calendar would also overflow in a time zone.
_FIRST_YEAR = 2000
_LAST_YEAR = 2199
_LONGEST_NAME = 60

TriggerValue = str | int | date | datetime


@dataclass(frozen=True, slots=True)
class TriggerValues:
    """What an event carries, by the name of the variable: cleaned text, money in micros of the
    instance's currency, days, and moments in UTC.

    `pointless_after` is the earliest moment after which the text has lost its point; None where the
    trigger type has no such variable.
    """

    by_name: Mapping[str, TriggerValue]
    pointless_after: datetime | None


def read_values(
    trigger: TriggerType, given: Mapping[str, str]
) -> tuple[TriggerValues, list[tuple[str, str]]]:
    """The values of an event, and everything wrong with them as (variable name, description).

    Unknown, missing and badly written variables are all told, those of the catalogue first. The
    values are fit for a text only when nothing is wrong. Descriptions never hold a value.
    """
    values: dict[str, TriggerValue] = {}
    problems: list[tuple[str, str]] = []
    moments: list[datetime] = []
    for variable in trigger.variables:
        written = given.get(variable.name)
        if written is None:
            if variable.required:
                problems.append((variable.name, f"is missing; give {_form(variable)}"))
            continue
        try:
            value = values[variable.name] = _read(variable, written)
        except ValueError as error:
            problems.append((variable.name, str(error)))
            continue
        if variable.pointless_after and isinstance(value, datetime):
            moments.append(value)
    known = {variable.name for variable in trigger.variables}
    problems += [(name[:_LONGEST_NAME], _unknown(trigger)) for name in given if name not in known]
    return TriggerValues(values, min(moments, default=None)), problems


def _read(variable: TriggerVariable, written: str) -> TriggerValue:
    """Raises ValueError that says how to write it."""
    match variable.kind:
        case VariableKind.TEXT:
            return _read_text(variable, written)
        case VariableKind.AMOUNT:
            return parse_amount(written)
        case VariableKind.DATE:
            return _read_date(variable, written)
        case VariableKind.TIME:
            return _read_time(variable, written)
        case _:
            assert_never(variable.kind)


def _read_text(variable: TriggerVariable, written: str) -> str:
    text = clean_value(written)
    if not text:
        raise ValueError(f"is empty; give {_form(variable)}")
    if len(text) > variable.longest:
        raise ValueError(f"has {len(text)} characters; give at most {variable.longest}")
    return text


def _read_date(variable: TriggerVariable, written: str) -> date:
    try:
        day = date.fromisoformat(written) if _DATE.fullmatch(written) else None
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"is no such day; give {_form(variable)}")
    return day


def _read_time(variable: TriggerVariable, written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written.upper()) if _TIME.fullmatch(written) else None
    except ValueError:
        moment = None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"is no such moment; give {_form(variable)}")
    return moment.astimezone(UTC)


def _form(variable: TriggerVariable) -> str:
    match variable.kind:
        case VariableKind.TEXT:
            return f"1 to {variable.longest} characters"
        case VariableKind.AMOUNT:
            return "an amount such as 45.10"
        case VariableKind.DATE:
            return f"a day of {_FIRST_YEAR} to {_LAST_YEAR} such as 2026-12-01"
        case VariableKind.TIME:
            return (
                f"a moment of {_FIRST_YEAR} to {_LAST_YEAR} with its offset, "
                "such as 2026-12-01T09:00:00-05:00"
            )
        case _:
            assert_never(variable.kind)


def _unknown(trigger: TriggerType) -> str:
    names = ", ".join(variable.name for variable in trigger.variables)
    return f"is unknown; {trigger.key} takes {names or 'no variables'}"
