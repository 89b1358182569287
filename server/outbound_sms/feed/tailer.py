"""The tailer: reads the end of the feed once for all streams of the process."""

import asyncio

import structlog

from outbound_sms.feed.epoch import Epochs
from outbound_sms.feed.hub import Hub
from outbound_sms.feed.pause import BackOff
from outbound_sms.store import feed, feed_upkeep
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

_log = structlog.get_logger(__name__)

# Looks by itself this often, in seconds, however many notifications get lost.
POLL = 1.0
_MOST_ROWS = 200
_ACQUIRE_TIMEOUT = 5.0


class Tailer:
    """Reads new rows when woken, and every second, and hands them to the hub."""

    def __init__(self, pool: Pool, hub: Hub) -> None:
        self._pool = pool
        self._hub = hub
        self._woken = asyncio.Event()
        self._back_off = BackOff()

    def wake(self) -> None:
        """Says that there may be new rows."""
        self._woken.set()

    async def run(self) -> None:
        """Never returns; outlives the loss of the database."""
        while True:
            try:
                more = await self.read()
                self._back_off.succeeded()
            except DATABASE_FAILURES as error:
                _log.warning("feed_tail_failed", error=type(error).__name__)
                await asyncio.sleep(self._back_off.failed())
                continue
            if not more:
                await self._pause()

    async def read(self) -> bool:
        """Reads once; True when there may be more at once."""
        head = self._hub.head
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            if head is None:
                edges = await feed.read_edges(connection)
                rows = []
            else:
                page = await feed.read_tail(connection, head, _MOST_ROWS, list(self._hub.watched))
                edges, rows = page.edges, page.rows
            epochs = self._hub.epochs
            if epochs is None or epochs.current != edges.epoch:
                if edges.epoch == 0:
                    return False
                # What was read may belong to positions that the new epoch gives out again.
                self._hub.set_epochs(Epochs(await feed_upkeep.list_epochs(connection)))
                return True
        if head is None or self._hub.head != head:
            if head is None:
                self._hub.restart(edges.head)
                self._hub.wake_all()
            return True
        if head < edges.horizon:
            # Asleep for longer than the feed is kept.
            self._hub.restart(edges.horizon)
            self._hub.wake_all()
            return True
        self._hub.publish(rows)
        return len(rows) == _MOST_ROWS

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
