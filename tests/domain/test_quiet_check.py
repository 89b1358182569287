"""The proof, kept with a text, that it was not sent during quiet hours."""

from datetime import time

import pytest

from outbound_sms.domain.quiet_check import QuietCheck, parse_quiet_check
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode

TWO = ("America/Chicago", "America/New_York")


def test_a_check_reads_as_a_person_would_write_it() -> None:
    check = QuietCheck(QuietHours(time(21), time(8), QuietMode.RECIPIENT), TWO)
    assert check.text == "RECIPIENT 21:00-08:00 America/Chicago,America/New_York"


@pytest.mark.parametrize("mode", QuietMode)
@pytest.mark.parametrize("zones", [TWO, ("UTC",), ("America/Argentina/Salta",)])
def test_a_stored_check_is_read_as_it_was(mode: QuietMode, zones: tuple[str, ...]) -> None:
    check = QuietCheck(QuietHours(time(0, 1), time(11, 59), mode), zones)
    assert parse_quiet_check(check.text) == check


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RECIPIENT 21:00-08:00",
        "EVERYBODY 21:00-08:00 UTC",
        "INSTANCE 21:00 UTC",
        "INSTANCE 21:00-25:00 UTC",
        "INSTANCE 21:00-22:00-23:00 UTC",
        "INSTANCE 21:00-08:00 UTC UTC",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quiet hours check"):
        parse_quiet_check(text)
