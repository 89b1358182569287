"""Stores receipts in batches: many callbacks share one commit, and none is answered before it."""

import asyncio
from collections.abc import Callable

import structlog

from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.receipts import StoredReceipt, store_receipts

log = structlog.get_logger(__name__)

BATCH = 500
DELAY = 0.005


class ReceiptInbox:
    """Takes receipts from concurrent callbacks and writes them together."""

    def __init__(self, pool: Pool, on_stored: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._on_stored = on_stored
        self._waiting: list[tuple[StoredReceipt, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def put(self, receipt: StoredReceipt) -> asyncio.Future[None]:
        """A future that is done when the receipt is durable, or has the database's error."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="receipt_inbox")
        return written

    async def _write(self) -> None:
        while self._waiting:
            if len(self._waiting) < BATCH:
                await asyncio.sleep(DELAY)
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                await store_receipts(self._pool, [receipt for receipt, _ in batch])
            except DATABASE_FAILURES as error:
                log.warning("receipts not stored", action="receipts", error=type(error).__name__)
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
                continue
            for _, written in batch:
                if not written.done():
                    written.set_result(None)
            self._on_stored()
