"""The catalogue of trigger types: the kinds of events that a backend may tell of.

It is data: `triggers.toml` beside this module, and the saved message of each trigger type as
`texts/trigger_<key in lower case>.<language>.txt`. Both are read and checked when this module is
imported, so a missing text or a misspelt variable stops the server from starting.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeVar

from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_text import check_trigger_text

_Member = TypeVar("_Member", bound=IntEnum)

LONGEST_TEXT = 60
LONGEST_JOB_TYPE = 100


class CountUnit(IntEnum):
    """What the count of a trigger type counts."""

    MONTHS = 1
    DAYS = 2
    PERCENT = 3


class VariableKind(IntEnum):
    """How the value of a variable is written in an event, and so how texts show it.

    TEXT is one line of text, AMOUNT money of the instance's currency such as `45.10`, DATE a day as
    `YYYY-MM-DD`, TIME a moment as RFC 3339 has it, with an offset.
    """

    TEXT = 1
    AMOUNT = 2
    DATE = 3
    TIME = 4


@dataclass(frozen=True, slots=True)
class TriggerVariable:
    """A value that an event must (`required`) or may carry.

    `longest` is in characters, of a TEXT. After the moment of a TIME that is `pointless_after`, the
    text has no point any more.
    """

    name: str
    kind: VariableKind
    required: bool
    description: str
    longest: int = LONGEST_TEXT
    pointless_after: bool = False


@dataclass(frozen=True, slots=True)
class TriggerType:
    """A kind of event.

    `count_unit` is None where it has no count. `texts` are its unfilled saved messages; where it
    has none, `no_sms_reason` says why.
    """

    key: str
    name: str
    fires_when: str
    count_unit: CountUnit | None
    has_job_type: bool
    variables: tuple[TriggerVariable, ...]
    no_sms_reason: str
    texts: Mapping[Language, str]

    @property
    def supports_sms(self) -> bool:
        """Whether it has a saved message, and so can be configured and fired."""
        return bool(self.texts)


_COMPANY_NAME = "COMPANY_NAME"
_ACCOUNT_NUMBER = "ACCOUNT_NUMBER"
_COUNT = "COUNT"
_FILLED = (_COMPANY_NAME, _ACCOUNT_NUMBER, _COUNT)

_COUNTS: Mapping[CountUnit, tuple[int, str]] = {
    CountUnit.MONTHS: (12, "months"),
    CountUnit.DAYS: (365, "days"),
    CountUnit.PERCENT: (1000, "percent"),
}


def check_count(unit: CountUnit | None, count: int | None) -> str | None:
    """What is wrong with the count of an event or a triggered message; None when it is right."""
    if unit is None:
        return None if count is None else "must be left out; the trigger type has no count"
    most, name = _COUNTS[unit]
    if count is None:
        return f"is missing; give 1 to {most} {name}"
    if not 1 <= count <= most:
        return f"is {count}; give 1 to {most} {name}"
    return None


def check_job_type(trigger: TriggerType, job_type: str) -> str | None:
    """What is wrong with a type of job; None when it is right. Empty means that there is none."""
    text = job_type.strip()
    if not trigger.has_job_type:
        return "must be left out; the trigger type is not about jobs" if text else None
    if not text:
        return f"is empty; give 1 to {LONGEST_JOB_TYPE} characters"
    if len(text) > LONGEST_JOB_TYPE:
        return f"has {len(text)} characters; give at most {LONGEST_JOB_TYPE}"
    if not text.isprintable():
        return "holds a control character; give one line of plain text"
    return None


def read_catalogue(catalogue: str, files: Mapping[str, str]) -> Mapping[str, TriggerType]:
    """The trigger types of a TOML document, in its order, by key. `files` are the texts by name.

    Raises ValueError that names the trigger type or the file, and what is wrong with it.
    """
    found: dict[str, TriggerType] = {}
    left = dict(files)
    for place, table in enumerate(tomllib.loads(catalogue)["trigger"], start=1):
        key = table.get("key")
        if not key or key in found:
            raise ValueError(f"trigger type {place} has no key of its own")
        try:
            found[key] = _read_trigger(dict(table), left)
        except (TypeError, ValueError) as error:
            raise ValueError(f"trigger type {key}: {error}") from error
    if left:
        raise ValueError(f"no trigger type has a text for {', '.join(sorted(left))}")
    return MappingProxyType(found)


def _read_trigger(table: dict[str, Any], left: dict[str, str]) -> TriggerType:
    """Takes the texts that it uses out of `left`."""
    unit = table.pop("count_unit", None)
    count_unit = None if unit is None else _member(CountUnit, unit)
    variables = tuple(_read_variable(dict(one)) for one in table.pop("variables", ()))
    names = [variable.name for variable in variables]
    if len({*names, *_FILLED}) < len(names) + len(_FILLED):
        raise ValueError(f"{', '.join(names)}: a name is used twice or filled in by the service")
    reason = table.pop("no_sms_reason", "")
    texts = {} if reason else _take_texts(table["key"], count_unit, variables, left)
    return TriggerType(
        count_unit=count_unit,
        has_job_type=table.pop("has_job_type", False),
        variables=variables,
        no_sms_reason=reason,
        texts=MappingProxyType(texts),
        **table,
    )


def _read_variable(table: dict[str, Any]) -> TriggerVariable:
    kind = _member(VariableKind, table.pop("kind", ""))
    variable = TriggerVariable(kind=kind, **table)
    if not isinstance(variable.required, bool):
        raise ValueError(f"{variable.name}: required must be true or false")
    if not 1 <= variable.longest <= LONGEST_TEXT:
        raise ValueError(f"{variable.name}: longest must be 1 to {LONGEST_TEXT}")
    if variable.pointless_after and kind is not VariableKind.TIME:
        raise ValueError(f"{variable.name}: only a TIME can be pointless_after")
    return variable


def _member(enum: type[_Member], name: str) -> _Member:
    if name not in enum.__members__:
        raise ValueError(f"{name!r} is none of {', '.join(enum.__members__)}")
    return enum[name]


def _take_texts(
    key: str,
    count_unit: CountUnit | None,
    variables: tuple[TriggerVariable, ...],
    left: dict[str, str],
) -> dict[Language, str]:
    filled = {_COMPANY_NAME} | ({_COUNT} if count_unit else set())
    texts = {}
    for language in Language:
        file = f"trigger_{key.lower()}.{language}.txt"
        if file not in left:
            raise ValueError(f"{file} is missing")
        text = texts[language] = left.pop(file).strip()
        problem = check_trigger_text(
            text,
            required=filled | {one.name for one in variables if one.required},
            optional={one.name for one in variables if not one.required},
            free={_ACCOUNT_NUMBER},
        )
        if problem:
            raise ValueError(f"{file} {problem}")
    return texts


def _load() -> Mapping[str, TriggerType]:
    folder = resources.files("outbound_sms.domain")
    files = {
        file.name: file.read_text("utf-8")
        for file in folder.joinpath("texts").iterdir()
        if file.name.startswith("trigger_")
    }
    return read_catalogue(folder.joinpath("triggers.toml").read_text("utf-8"), files)


TRIGGER_TYPES: Mapping[str, TriggerType] = _load()
