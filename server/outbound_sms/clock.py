"""A clock for leases that goes on while this process, or the whole machine, is suspended."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def lease_clock() -> float:
    """Seconds since some moment in the past; never set back."""
    return time.clock_gettime(_CLOCK)
