"""When a broken stream is worth opening again, and how long to wait before that."""

import asyncio
import random
from collections.abc import Callable

import grpc

from outboundsms.errors import OutboundSmsError

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
# What a broken connection looks like when no server had the time to say why.
TRANSPORT_CODES = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)

OnInterruption = Callable[[OutboundSmsError, float], None]
"""Hears of an interruption, and in how many seconds the next try follows."""


def is_interruption(error: OutboundSmsError) -> bool:
    """Whether opening the stream again may help, rather than fail in the same way."""
    code = error.code()
    if code == grpc.StatusCode.UNAVAILABLE:
        return True
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return error.retry_after is not None
    return code in TRANSPORT_CODES and not error.reason


class Backoff:
    """Waits 0.2 s after the first interruption, twice as long after each further one, 10 s at most.

    The waits vary by half, so that many clients of one server do not come back at once.
    """

    def __init__(self, on_interruption: OnInterruption | None) -> None:
        self._on_interruption = on_interruption
        self._delay = FIRST_DELAY

    def reset(self) -> None:
        """The stream works: the next interruption is a first one."""
        self._delay = FIRST_DELAY

    async def wait_after(self, error: OutboundSmsError) -> None:
        """Waits, at least as long as the server asked for. Raises `error` when that cannot help."""
        if not is_interruption(error):
            raise error
        wait = max(self._delay * random.uniform(0.5, 1.0), error.retry_after or 0.0)
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        if self._on_interruption is not None:
            self._on_interruption(error, wait)
        await asyncio.sleep(wait)
