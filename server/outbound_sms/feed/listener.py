"""Hears of ticks of other processes at once. Only a hint: whoever waits also looks by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from outbound_sms.feed.pause import BackOff
from outbound_sms.store import sql
from outbound_sms.store.pool import DATABASE_FAILURES, Connection, Pool

_log = structlog.get_logger(__name__)
_SQL = sql.load("feed")

CHANNEL = "feed"
# How often a silent connection is asked whether it is still there, and how long it may take.
PING_EVERY = 5.0
PING_TIMEOUT = 5.0


class Listener:
    """Holds one connection that listens, and makes a new one when it is lost."""

    def __init__(self, pool: Pool, on_tick: Callable[[], None]) -> None:
        self._pool = pool
        self._on_tick = on_tick
        self._back_off = BackOff()

    async def run(self) -> None:
        """Never returns. Calls `on_tick` also after each reconnection, for what was missed."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._listen(connection)
            except DATABASE_FAILURES as error:
                _log.warning("feed_listener_lost", error=type(error).__name__)
            await asyncio.sleep(self._back_off.failed())

    async def _listen(self, connection: Connection) -> None:
        """Returns when the connection has ended."""
        ended = asyncio.Event()

        def heard(*_: Any) -> None:
            self._on_tick()

        def lost(*_: Any) -> None:
            ended.set()

        connection.add_termination_listener(lost)
        await connection.add_listener(CHANNEL, heard)
        try:
            self._back_off.succeeded()
            self._on_tick()
            while not ended.is_set():
                try:
                    await asyncio.wait_for(ended.wait(), PING_EVERY)
                except TimeoutError:
                    await connection.fetchval(_SQL["ping"], timeout=PING_TIMEOUT)
        finally:
            # A connection that has ended belongs to the pool again already.
            if not ended.is_set():
                connection.remove_termination_listener(lost)
                await connection.remove_listener(CHANNEL, heard)
