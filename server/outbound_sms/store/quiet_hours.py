"""Quiet hours as the columns of an instance hold them."""

from datetime import time

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode


def quiet_hours_of(start: time | None, end: time | None, mode: int) -> QuietHours | None:
    """The quiet hours of `quiet_start`, `quiet_end` and `quiet_mode`; None when there are none."""
    return None if start is None or end is None else QuietHours(start, end, QuietMode(mode))
