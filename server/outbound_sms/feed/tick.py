"""The ticker moves events to the feed as they become visible. Processes take turns at it."""

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from outbound_sms.feed.epoch import Epochs, ensure_epoch
from outbound_sms.feed.pause import BackOff
from outbound_sms.store import feed
from outbound_sms.store.feed import FeedNeedsRebase
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

_log = structlog.get_logger(__name__)

# Seconds between ticks, ±50 %. Longer only once nothing has happened for a while.
BUSY = 0.02
IDLE = 0.1
QUIET_AFTER = 5.0
# A process that was away for long has much to copy, all of it in one tick.
TICK_TIMEOUT = 120.0
REBASE_CHECK = 5.0


class Ticker:
    """Ticks on a connection of its own until cancelled.

    `on_epochs` hears of the epochs on every new connection, before its first tick; `on_copied`
    after each tick that copied something.
    """

    def __init__(
        self,
        pool: Pool,
        on_epochs: Callable[[Epochs], None],
        on_copied: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._on_epochs = on_epochs
        self._on_copied = on_copied
        self._back_off = BackOff()
        self._last_answer = time.monotonic()
        self._last_copied = 0.0
        self.needs_rebase = False
        self.events = 0

    @property
    def silence(self) -> float:
        """Seconds since the database last answered a tick, this process's own or another's."""
        return time.monotonic() - self._last_answer

    async def run(self) -> None:
        """Never returns; outlives the loss of the database."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    self._on_epochs(await ensure_epoch(connection))
                    await feed.allow_long_statements(connection, TICK_TIMEOUT)
                    self.needs_rebase = False
                    while True:
                        copied = await feed.tick(connection, TICK_TIMEOUT)
                        self._answered(copied)
                        await asyncio.sleep(self._pause())
            except FeedNeedsRebase as error:
                self.needs_rebase = True
                _log.critical(
                    "feed_needs_rebase",
                    error=str(error),
                    hint="Nothing reaches streams. Run the feed rebase of the admin command, once.",
                )
                await asyncio.sleep(REBASE_CHECK)
            except DATABASE_FAILURES as error:
                pause = self._back_off.failed()
                _log.warning("feed_tick_failed", error=type(error).__name__, retry_seconds=pause)
                await asyncio.sleep(pause)

    def _answered(self, copied: int) -> None:
        self._back_off.succeeded()
        self._last_answer = time.monotonic()
        if copied > 0:
            self._last_copied = self._last_answer
            self.events += copied
            self._on_copied()

    def _pause(self) -> float:
        quiet = self._last_answer - self._last_copied > QUIET_AFTER
        return random.uniform(0.5, 1.5) * (IDLE if quiet else BUSY)
