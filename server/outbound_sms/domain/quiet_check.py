"""Proof that a text kept quiet hours: which window, and in which time zones it was not quiet.

Stored with the message at its hand-over, as text that a person can read in the table too:
`RECIPIENT 21:00-08:00 America/Chicago,America/New_York`.
"""

from dataclasses import dataclass

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode, parse_clock_time


@dataclass(frozen=True, slots=True)
class QuietCheck:
    """The quiet hours of the moment and the IANA names of the zones that were free of them."""

    hours: QuietHours
    zones: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is stored; `parse_quiet_check` reads it."""
        window = f"{self.hours.start:%H:%M}-{self.hours.end:%H:%M}"
        return f"{self.hours.mode.name} {window} {','.join(self.zones)}"


def parse_quiet_check(text: str) -> QuietCheck:
    """The check of a stored text. Raises ValueError for one that `QuietCheck.text` did not make."""
    try:
        mode, window, zones = text.split(" ")
        start, end = map(parse_clock_time, window.split("-"))
        return QuietCheck(QuietHours(start, end, QuietMode[mode]), tuple(zones.split(",")))
    except (KeyError, ValueError):
        raise ValueError("is no quiet hours check as this service stores it") from None
