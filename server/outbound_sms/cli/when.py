"""Times as people type them."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

FORMS = "now, +90m, +4h, 14:30, 2026-11-23T14:30, or 2026-11-23T14:30-05:00"

_RELATIVE = re.compile(r"\+(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


def parse_when(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The aware time that `text` means; a time without an offset is a wall clock's in `zone`.

    `now` is aware. Raises ValueError, which says what can be written.
    """
    text = text.strip()
    if text == "now":
        return now
    if relative := _RELATIVE.fullmatch(text):
        return now + timedelta(**{_UNITS[relative[2]]: int(relative[1])})
    try:
        if _CLOCK.fullmatch(text):
            hour, minute = text.split(":")
            today = now.astimezone(zone).replace(second=0, microsecond=0)
            return today.replace(hour=int(hour), minute=int(minute))
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a time; write {FORMS}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def parse_span(text: str) -> timedelta:
    """A length such as `90m`, `4h` or `1d`. Raises ValueError, which says what can be written."""
    found = _RELATIVE.fullmatch("+" + text.strip())
    if found is None:
        raise ValueError("is not a time span; write for example 90m or 4h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
