"""Saved messages: the canned texts, kept as one small file for each message and language.

The files are `texts/<kind>_<key in lower case>.<language>.txt`, read and checked when this module
is imported, so a missing text or a misspelt variable stops the server from starting. A new language
is a file for each message, a member of `Language`, its sentences in `signature` and its layout in
`local_time`; the tests name what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import resources
from zoneinfo import ZoneInfo

from outbound_sms.domain.language import Language
from outbound_sms.domain.local_time import format_local_time
from outbound_sms.domain.variable import fill, variables_of


class SavedMessageKey(StrEnum):
    """The stable name of a saved message, as the contract and the database carry it."""

    PLANNED_OUTAGE = "PLANNED_OUTAGE"
    UNPLANNED_OUTAGE = "UNPLANNED_OUTAGE"
    UNPLANNED_OUTAGE_NO_ETA = "UNPLANNED_OUTAGE_NO_ETA"


class SavedMessageKind(StrEnum):
    """What a saved message may be sent by."""

    MASS = "mass"


@dataclass(frozen=True, slots=True)
class SavedMessage:
    """One canned text and what it asks for.

    A time that is needed must be given, one that is not needed must be left out. For an unplanned
    outage the end is the estimated restoration. `texts` are the unfilled texts by language.
    """

    key: SavedMessageKey
    name: str
    kind: SavedMessageKind
    needs_start: bool
    needs_end: bool
    texts: Mapping[Language, str]

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that the text exists in."""
        return tuple(self.texts)


def _load(
    kind: SavedMessageKind, key: SavedMessageKey, expected: frozenset[str]
) -> Mapping[Language, str]:
    folder = resources.files("outbound_sms.domain").joinpath("texts")
    texts = {}
    for language in Language:
        file = f"{kind}_{key.lower()}.{language}.txt"
        text = folder.joinpath(file).read_text("utf-8").strip()
        if variables_of(text) != expected:
            raise ValueError(f"{file} must use exactly the variables {sorted(expected)}")
        texts[language] = text
    return texts


def _mass(key: SavedMessageKey, name: str, *, needs_end: bool) -> SavedMessage:
    expected = {"COMPANY_NAME", "OUTAGE_START"} | ({"OUTAGE_END"} if needs_end else set())
    return SavedMessage(
        key=key,
        name=name,
        kind=SavedMessageKind.MASS,
        needs_start=True,
        needs_end=needs_end,
        texts=_load(SavedMessageKind.MASS, key, frozenset(expected)),
    )


SAVED_MESSAGES: Mapping[SavedMessageKey, SavedMessage] = {
    message.key: message
    for message in (
        _mass(SavedMessageKey.PLANNED_OUTAGE, "Planned Outage", needs_end=True),
        _mass(SavedMessageKey.UNPLANNED_OUTAGE, "Unplanned Outage", needs_end=True),
        _mass(
            SavedMessageKey.UNPLANNED_OUTAGE_NO_ETA,
            "Unplanned Outage (no restoration ETA)",
            needs_end=False,
        ),
    )
}


def render_saved_message(
    key: SavedMessageKey,
    language: Language,
    company_name: str,
    outage_start: datetime | None,
    outage_end: datetime | None,
    zone: ZoneInfo,
) -> str:
    """The text of a saved message with its values, times in the instance's zone.

    Raises ValueError that names the variable which is missing, or which the message does not take.
    """
    message = SAVED_MESSAGES[key]
    values = {"COMPANY_NAME": company_name}
    for name, moment, needed in (
        ("OUTAGE_START", outage_start, message.needs_start),
        ("OUTAGE_END", outage_end, message.needs_end),
    ):
        if moment is None:
            continue
        if not needed:
            raise ValueError(f"{name} is not part of {message.name}")
        values[name] = format_local_time(moment, zone, language)
    return fill(message.texts[language], values)
