"""Quiet hours for a demonstration: in force now, or over, at any time of any day."""

from datetime import datetime, timedelta, tzinfo

from outboundsms.v1 import quiet_hours_pb2

_MARGIN = timedelta(hours=1)
_LENGTH = timedelta(hours=2)


def quiet_around(now: datetime, zone: tzinfo) -> quiet_hours_pb2.QuietHours:
    """Quiet hours of the instance's clock that are in force from now on, for an hour at least.

    `now` is aware. Where the clock is about to jump, forth or back, they reach as far as it will:
    up to 3 hours in all.
    """
    before, here, after = _walls(now, zone)
    return _hours(min(before, here - _MARGIN), max(after, here + _MARGIN))


def quiet_before(now: datetime, zone: tzinfo) -> quiet_hours_pb2.QuietHours:
    """Quiet hours of the instance's clock that are over, and stay so for hours.

    They end so early that a clock which goes back an hour does not come to them again.
    """
    before, here, _ = _walls(now, zone)
    end = min(before, here) - _MARGIN
    return _hours(end - _LENGTH, end)


def _walls(now: datetime, zone: tzinfo) -> tuple[datetime, datetime, datetime]:
    """What the clock on the wall shows an hour ago, now, and in an hour, to the minute."""
    before, here, after = (
        (now + step).astimezone(zone).replace(tzinfo=None, second=0, microsecond=0, fold=0)
        for step in (-_MARGIN, timedelta(), _MARGIN)
    )
    return before, here, after


def _hours(start: datetime, end: datetime) -> quiet_hours_pb2.QuietHours:
    return quiet_hours_pb2.QuietHours(
        start_time=f"{start:%H:%M}",
        end_time=f"{end:%H:%M}",
        mode=quiet_hours_pb2.QUIET_HOURS_MODE_INSTANCE,
    )
