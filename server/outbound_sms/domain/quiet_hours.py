"""Quiet hours: the part of each day in which no triggered message is handed to a carrier.

The product article, "Configuring Quiet Hours": a start and an end, at most 12 hours, for triggered
messages only. The test is that of the clock on the wall, whatever the date: it is quiet while the
local time is at or after the start and before the end. So nothing is stored with a message, and a
change of the settings acts on what waits already.

Nights on which clocks change follow the clock literally. An edge that the clock skips in spring
takes effect as the clock jumps over it. In autumn an hour repeats and so does what lies in it:
a window that ends at 01:30 ends at the first 01:30, is in force again from the second 01:00, and
ends for good at the second 01:30. Treating the whole repeated hour as quiet would make a window
longer than its owner wrote down; treating the repetition as free would text people at a time that
their clock calls quiet.

Edges are found in UTC, so no arithmetic is done on local times. That is exact because windows are
to the minute and so is the offset of every time zone today.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

LONGEST = timedelta(hours=12)
HORIZON = timedelta(days=3)
"""How far ahead is looked: longer than any clock change can put off the end of a window."""

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for a moment that does not come."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY = 24 * 60
_HORIZON_MINUTES = HORIZON // timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class QuietMode(IntEnum):
    """Whose clock quiet hours go by: that of the instance, or that of each recipient."""

    INSTANCE = 1
    RECIPIENT = 2


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A window of local time in whole minutes: `start` is its first minute, `end` the one after it.

    An end before the start is on the next day. `check_quiet_hours` says which windows are allowed.
    """

    start: time
    end: time
    mode: QuietMode = QuietMode.INSTANCE


def check_quiet_hours(start: time, end: time) -> None:
    """Raises ValueError, with what to do, for a window that is empty or longer than 12 hours.

    The length is that of the clock on the wall: it does not count an hour that a night repeats.
    """
    if start == end:
        raise ValueError("starts and ends at the same time; leave both empty for no quiet hours")
    if timedelta(minutes=(_minute(end) - _minute(start)) % _DAY) > LONGEST:
        raise ValueError("is longer than 12 hours; let it start later or end earlier")


def parse_clock_time(text: str) -> time:
    """The time of `HH:MM`, from `00:00` to `23:59`. Raises ValueError for any other text."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError("is not a time of day; give HH:MM from 00:00 to 23:59")
    return time(int(found[1]), int(found[2]))


def is_quiet(hours: QuietHours, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the clock on a wall in `zone` is in the window at the instant `now`."""
    local = now.astimezone(zone).time()
    if hours.start < hours.end:
        return hours.start <= local < hours.end
    return local >= hours.start or local < hours.end


def next_release(hours: QuietHours, zones: Sequence[ZoneInfo], now: datetime) -> datetime | None:
    """The first instant from `now` on, in UTC, at which it is quiet in none of the zones.

    `now` itself when that is so. None when no moment of three days is free in all of them.
    """
    if not any(is_quiet(hours, zone, now) for zone in zones):
        return now.astimezone(UTC)
    first = _minutes(now)
    minute = first
    while minute <= first + _HORIZON_MINUTES:
        free = max(_next(hours, zone, minute, quiet=False) for zone in zones)
        if free == minute:
            return _instant(minute)
        minute = free
    return None


def next_hold(hours: QuietHours, zones: Sequence[ZoneInfo], now: datetime) -> datetime:
    """The first instant from `now` on, in UTC, at which it is quiet in one of the zones.

    `now` itself when that is so; NEVER when it is not within three days, as without zones.
    """
    if any(is_quiet(hours, zone, now) for zone in zones):
        return now.astimezone(UTC)
    first = _minutes(now)
    held = min((_next(hours, zone, first, quiet=True) for zone in zones), default=None)
    if held is None or held > first + _HORIZON_MINUTES:
        return NEVER
    return _instant(held)


def _next(hours: QuietHours, zone: ZoneInfo, minute: int, *, quiet: bool) -> int:
    """The first minute from `minute` on that is quiet, or is not, in the zone.

    Minutes are UTC, from the epoch. A minute past the horizon means that there is none before it.
    """
    start, end = _minute(hours.start), _minute(hours.end)
    length = (end - start) % _DAY
    last = minute + _HORIZON_MINUTES
    for until, offset in _offsets(zone, minute // _DAY):
        while minute < until:
            since_start = (minute + offset - start) % _DAY
            if (since_start < length) is quiet:
                return minute
            # With one offset only, the next edge is a plain distance on the clock face.
            edge = minute + (_DAY if quiet else length) - since_start
            # At a change of the offset the clock jumps, so what holds there is asked anew.
            minute = min(edge, until)
    return last + 1


@lru_cache(maxsize=4096)
def _offsets(zone: ZoneInfo, day: int) -> tuple[tuple[int, int], ...]:
    """The zone's offsets from the UTC day on, past the horizon: each as (until, minutes of offset).

    `day` counts from the epoch; `until` is the UTC minute from the epoch at which the next begins.
    """
    first, last = day * _DAY, day * _DAY + _DAY + _HORIZON_MINUTES + 1
    hours = [*range(first, last, 60), last]
    found: list[tuple[int, int]] = []
    for here, there in pairwise(hours):
        offset = _offset(zone, here)
        # No zone changes its offset twice in an hour.
        if _offset(zone, there) != offset:
            change = next(m for m in range(here, there + 1) if _offset(zone, m) != offset)
            found.append((change, offset))
    return (*found, (last, _offset(zone, last)))


def _offset(zone: ZoneInfo, minute: int) -> int:
    offset = _instant(minute).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _minutes(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(minutes=1)


def _instant(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=minute)
