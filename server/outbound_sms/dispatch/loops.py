"""Background duties: repeat something until told to stop, whatever the database does meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from outbound_sms.store.pool import DATABASE_FAILURES

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 5.0


async def repeat(
    duty: Callable[[], Awaitable[int]],
    *,
    name: str,
    interval: float,
    stop: asyncio.Event,
    wake: asyncio.Event | None = None,
) -> None:
    """Runs `duty` again at once while it finds work, else every `interval` seconds, jittered.

    `wake` ends a pause early. Database failures are logged and waited out, with longer and longer
    pauses up to 5 s. Returns soon after `stop` is set; `duty` is never cancelled.
    """
    failures = 0
    while not stop.is_set():
        try:
            found = await duty()
            failures = 0
        except DATABASE_FAILURES as error:
            failures += 1
            found = 0
            log.warning("database failed", action=name, error=type(error).__name__)
        if found == 0:
            pause = interval * random.uniform(0.5, 1.5)
            if failures:
                pause = max(pause, min(LONGEST_PAUSE, 0.1 * 2.0**failures))
            await pause_unless(pause, stop, wake)


async def pause_unless(
    seconds: float, stop: asyncio.Event, wake: asyncio.Event | None = None
) -> None:
    """Waits `seconds`, or less when `stop` or `wake` is set; clears `wake`."""
    waiters = [asyncio.ensure_future(stop.wait())]
    if wake is not None:
        waiters.append(asyncio.ensure_future(wake.wait()))
    try:
        await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
        if wake is not None:
            wake.clear()
