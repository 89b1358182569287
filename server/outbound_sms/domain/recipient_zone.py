"""Where on the clock a recipient may be, told by the best evidence there is.

The contact's own time zone comes first, then the account's region where that has one zone only.
A phone number alone cannot tell: some area codes lie in two zones, even some exchanges do, and
numbers move with people. So all zones of the number count, and it must be quiet in none of them.
Where nothing tells, the clock of the instance does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from phonenumbers import PhoneNumber
from phonenumbers.timezone import time_zones_for_geographical_number

from outbound_sms.domain.quiet_hours import QuietMode
from outbound_sms.domain.region_zone import REGION_ZONES
from outbound_sms.domain.time_zone import parse_zone

INSTANCE_KEY = "*"
"""Key of recipients who follow the time zone of the instance, whatever that is at the time."""

MOST_ZONES = 4
"""More zones than this are a way of saying "somewhere"; numbers of one place have two at most."""

# Puerto Rico, because the numbering metadata gives its zone to Labrador, on the same clock.
_COUNTRIES = frozenset({"US", "CA", "PR"})


class ZoneSource(IntEnum):
    """What told the zone: the contact, the account's region, the phone number, or nothing did."""

    CONTACT = 1
    REGION = 2
    NUMBER = 3
    INSTANCE = 4


@dataclass(frozen=True, slots=True)
class RecipientZone:
    """`key` is IANA names, sorted, with commas between, or INSTANCE_KEY."""

    key: str
    source: ZoneSource


_INSTANCE = RecipientZone(INSTANCE_KEY, ZoneSource.INSTANCE)


def find_recipient_zone(contact_zone: str | None, region: str | None, e164: str) -> RecipientZone:
    """The zones of a recipient, by the first of contact, region and number that tells.

    A zone of the contact that is no IANA name, and a region that is not of one zone only, tell
    nothing. `region` is an ISO 3166-2 code.
    """
    if contact_zone and _is_zone(contact_zone):
        return RecipientZone(contact_zone, ZoneSource.CONTACT)
    if region and region in REGION_ZONES:
        return RecipientZone(REGION_ZONES[region], ZoneSource.REGION)
    return _of_number(e164)


def zone_names(key: str, instance_zone: str) -> tuple[str, ...]:
    """The IANA names of a key; INSTANCE_KEY stands for `instance_zone`."""
    return (instance_zone,) if key == INSTANCE_KEY else tuple(key.split(","))


def effective_zones(mode: QuietMode, key: str, instance_zone: str) -> tuple[ZoneInfo, ...]:
    """The zones in which quiet hours of the mode are kept for recipients of the key."""
    names = (instance_zone,) if mode is QuietMode.INSTANCE else zone_names(key, instance_zone)
    return _zones(names)


@lru_cache(maxsize=4096)
def _zones(names: Sequence[str]) -> tuple[ZoneInfo, ...]:
    return tuple(parse_zone(name) for name in names)


@lru_cache(maxsize=65_536)
def _of_number(e164: str) -> RecipientZone:
    """By the numbering plan's metadata, which knows places by the longest prefix of the number.

    Toll-free and other numbers of no place have every zone of country code 1. Such a list tells
    nothing, and a window of 12 hours might never open in all of it. All of the US and Canada lies
    within 8 hours, which leaves at least 4 of each day.
    """
    if not e164.startswith("+1"):
        return _INSTANCE
    number = PhoneNumber(country_code=1, national_number=int(e164[2:]))
    names = sorted(set(time_zones_for_geographical_number(number)))
    if len(names) > MOST_ZONES or not _near().issuperset(names):
        return _INSTANCE
    return RecipientZone(",".join(names), ZoneSource.NUMBER)


@cache
def _near() -> frozenset[str]:
    """The zones of the US and Canada that `parse_zone` takes."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return frozenset(row[2] for row in rows if row[0] in _COUNTRIES and _is_zone(row[2]))


def _is_zone(name: str) -> bool:
    try:
        parse_zone(name)
    except ValueError:
        return False
    return True
