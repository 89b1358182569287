"""Calendar months as people name them, and their days in a time zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# Of years before it nothing is stored, and the first and last of the calendar have no neighbours.
_EARLIEST_YEAR = 2000


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a calendar; earlier ones are less."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> "Month":
        """The month that `moment`, an aware datetime, lies in there."""
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def days(self) -> Sequence[date]:
        """Its days, in order."""
        first = date(self.year, self.month, 1)
        after = date(self.next.year, self.next.month, 1)
        return [first + timedelta(days=n) for n in range((after - first).days)]

    def day_starts(self, zone: ZoneInfo) -> Sequence[datetime]:
        """When each of its days begins in the zone, and when the month after it does; in UTC.

        One moment more than there are days. A day that begins twice, when clocks are set back over
        midnight, begins the first time; one whose first hour is left out begins when it is.
        """
        after = date(self.next.year, self.next.month, 1)
        return [
            datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
            for day in (*self.days, after)
        ]

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def parse_month(text: str) -> Month:
    """The month of `2026-03`.

    Raises ValueError, which says how to write it, for anything else and for years before 2000.
    """
    found = _MONTH.fullmatch(text)
    if found is None or not _EARLIEST_YEAR <= int(found[1]) < 9999:
        raise ValueError("is not a month; give year and month, for example 2026-03")
    return Month(int(found[1]), int(found[2]))
