"""Writes what became of messages, in batches: one commit for many outcomes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from outbound_sms import metrics
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.store import dispatch as store
from outbound_sms.store import doubts as doubts_store
from outbound_sms.store.dispatch import GivenBack, Settled
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

log = structlog.get_logger(__name__)

Doubt = tuple[UUID, int]
"""A message in doubt: its id and the fence of the lease that it was handed over under."""

Outcome = Settled | GivenBack | Doubt
_T = TypeVar("_T")


class Settler:
    """Collects outcomes and commits them together.

    An outcome is kept until it is committed, however long the database is away. If that takes
    longer than the lease, somebody else has the message by then, and the write changes nothing.
    """

    def __init__(self, pool: Pool, owner: UUID, settings: DispatchSettings) -> None:
        self._pool = pool
        self._owner = owner
        self._settings = settings
        self._waiting: list[tuple[Outcome, Callable[[], None]]] = []
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, outcome: Outcome, done: Callable[[], None]) -> None:
        """Queues an outcome; `done` is called when it has been committed."""
        self._waiting.append((outcome, done))
        self._arrived.set()
        self._idle.clear()

    async def drained(self) -> None:
        """Returns when everything that was added is committed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commits batches until cancelled."""
        while True:
            await self._arrived.wait()
            if len(self._waiting) < self._settings.settle_batch:
                await asyncio.sleep(self._settings.settle_delay)
            batch = self._waiting[: self._settings.settle_batch]
            await self._commit([outcome for outcome, _ in batch])
            del self._waiting[: len(batch)]
            for _, done in batch:
                done()
            if not self._waiting:
                self._arrived.clear()
                self._idle.set()

    async def _commit(self, batch: Sequence[Outcome]) -> None:
        settled = [o for o in batch if isinstance(o, Settled)]
        given_back = [o for o in batch if isinstance(o, GivenBack)]
        doubts = [o for o in batch if isinstance(o, tuple)]
        await self._write(settled, lambda: store.settle(self._pool, settled, owner=self._owner))
        await self._write(
            given_back, lambda: store.give_back(self._pool, given_back, owner=self._owner)
        )
        await self._write(
            doubts,
            lambda: doubts_store.doubt(
                self._pool, doubts, owner=self._owner, look_after=self._settings.look_up_after[0]
            ),
        )

    async def _write(self, batch: Sequence[_T], write: Callable[[], Awaitable[set[UUID]]]) -> None:
        pause = 0.1
        while batch:
            try:
                held = await write()
            except DATABASE_FAILURES as error:
                # Repeating is safe: what a lost answer had committed no longer has its lease.
                log.warning(
                    "outcomes not written yet", action="settle_retry", error=type(error).__name__
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, 2.0)
                continue
            if len(held) < len(batch):
                metrics.FENCED_WRITES.inc(len(batch) - len(held))
                log.warning("lease lost", action="fenced_write", messages=len(batch) - len(held))
            return
