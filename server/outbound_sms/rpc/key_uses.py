"""When API keys were last used: noted in memory, and written in batches apart from the calls."""

import asyncio
import random
import time
from uuid import UUID

import structlog

from outbound_sms.store import api_keys
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

# As a stop may wait for the last batch, and nothing depends on it, it must not take long.
_WRITE_TIMEOUT = 2.0

_log = structlog.get_logger("rpc")


class KeyUses:
    """Keeps the latest use of each key until it is written; `run` is a task of the server.

    `interval` is about how many seconds apart the batches are: processes that started together
    must not write together. A process that is killed loses what it noted since its last batch; a
    database that is away makes the times late, and loses none.
    """

    def __init__(self, pool: Pool, interval: float) -> None:
        self._pool = pool
        self._interval = interval
        # By key, on this process's monotonic clock: the database knows what time it was.
        self._used: dict[UUID, float] = {}

    def note(self, api_key_id: UUID) -> None:
        """Notes that a key was used now."""
        self._used[api_key_id] = time.monotonic()

    async def run(self) -> None:
        """Writes a batch about every interval, for ever."""
        while True:
            await asyncio.sleep(self._interval * random.uniform(0.8, 1.2))
            await self.write()

    async def write(self) -> None:
        """Writes what was noted. What could not be written is kept for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        written = False
        try:
            async with (
                asyncio.timeout(_WRITE_TIMEOUT),
                self._pool.acquire() as connection,
            ):
                now = time.monotonic()
                await api_keys.set_last_use(
                    connection, {key: now - moment for key, moment in used.items()}
                )
                written = True
        except DATABASE_FAILURES as error:
            _log.warning("uses of keys not written", keys=len(used), exc_info=error)
        finally:
            if not written:
                self._used = used | self._used
