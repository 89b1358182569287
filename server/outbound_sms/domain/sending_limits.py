"""Limits against fraud: how much an instance may hand to carriers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class SendingLimit(IntEnum):
    """A limit that holds messages back until there is room again."""

    MESSAGES_PER_MINUTE = 1
    MESSAGES_PER_DAY = 2
    SPEND_PER_DAY = 3
    SURGE = 4


LEAST_SURGE_MULTIPLE = 2
LARGEST: Mapping[str, int] = {
    "messages_per_minute": 1_000_000,
    "messages_per_day": 100_000_000,
    "spend_per_day_micros": 1_000_000_000_000,
    "messages_per_number_per_day": 1_000,
    "messages_per_prefix_per_hour": 100_000,
    "surge_multiple": 100,
}
"""The limits by name, each with the most that it can be. 0 is no limit."""


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """The limits of an instance; 0 for none. Days are those of its time zone.

    `messages_per_number_per_day`: to one phone number within 24 hours.
    `messages_per_prefix_per_hour`: to numbers that differ in their last four digits only.
    `surge_multiple`: triggered messages pause in an hour with more than so many times as many as
    the busiest hour of the seven days before, more than 100, and more than two for each account.
    `version` grows with each update.
    """

    messages_per_minute: int
    messages_per_day: int
    spend_per_day_micros: int
    messages_per_number_per_day: int
    messages_per_prefix_per_hour: int
    surge_multiple: int
    version: int


@dataclass(frozen=True, slots=True)
class SendingUsage:
    """What an instance has handed to carriers in the minute, day and hour that it is now.

    `usual_triggered_per_hour` is the most in an hour of the seven days before. `reached` are the
    limits that hold messages back. `surge_pause_time`: since when triggered ones are paused.
    """

    messages_this_minute: int
    messages_today: int
    spent_today_micros: int
    triggered_this_hour: int
    usual_triggered_per_hour: int
    reached: tuple[SendingLimit, ...]
    surge_pause_time: datetime | None


def check_limit(name: str, value: int) -> str | None:
    """What is wrong with the value of a limit, None when nothing is."""
    most = LARGEST[name]
    if name == "surge_multiple":
        if value == 0 or LEAST_SURGE_MULTIPLE <= value <= most:
            return None
        return f"is out of range; give {LEAST_SURGE_MULTIPLE} to {most}, or 0 for no limit"
    if 0 <= value <= most:
        return None
    unit = " micros" if name.endswith("_micros") else ""
    return f"is out of range; give 1 to {most:,}{unit}, or 0 for no limit"
