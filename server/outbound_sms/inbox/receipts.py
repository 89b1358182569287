"""Stores receipts in batches: many of them share one commit, and none is answered before it."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Receipt, ReceiptState, Submitted
from outbound_sms.domain.carrier_message_id import is_usable
from outbound_sms.domain.message_reference import message_reference
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.receipts import (
    DELIVERED,
    FAILED,
    SENT,
    UNDELIVERED,
    StoredReceipt,
    store_receipts,
)
from outbound_sms.store.submitted_parts import PartReceipt, store_part_receipts

log = structlog.get_logger(__name__)

BATCH = 500
DELAY = 0.005
LARGEST_REFERENCE = 0xFFFF

STORED_STATES = {
    ReceiptState.SENT: SENT,
    ReceiptState.DELIVERED: DELIVERED,
    ReceiptState.UNDELIVERED: UNDELIVERED,
    ReceiptState.FAILED: FAILED,
}
"""What is worth storing: that a carrier has queued a message says less than that it accepted it."""

_Waiting = StoredReceipt | PartReceipt


class ReceiptInbox:
    """Takes receipts that come at the same time and writes them together.

    `on_stored` is called when some are durable. For receipts by the carrier's id the pool should
    plan by indexes (`open_pool`): their tables grow and shrink with the traffic.
    """

    def __init__(self, pool: Pool, on_stored: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._on_stored = on_stored
        self._waiting: list[tuple[_Waiting, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def put(self, receipt: StoredReceipt) -> asyncio.Future[None]:
        """A future that is done when the receipt is durable, or has the database's error."""
        return self._put(receipt)

    def put_by_carrier_id(
        self, carrier: str, receipt: Receipt, submitted: Submitted | None
    ) -> asyncio.Future[None]:
        """The same for a receipt that comes to no address of ours, and so may be of any message.

        `submitted`: what its id stands for, where the carrier's adapter remembers it. A state that
        says nothing, and an id that cannot be one, are counted and done with at once.
        """
        state = STORED_STATES.get(receipt.state)
        if not is_usable(receipt.carrier_message_id):
            metrics.RECEIPTS.labels("malformed").inc()
            log.error("receipt without an id", action="receipt", carrier=carrier)
        else:
            metrics.RECEIPTS.labels(receipt.state.value.lower()).inc()
            if state is not None:
                return self._put(_part_receipt(carrier, receipt, state, submitted))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def _put(self, receipt: _Waiting) -> asyncio.Future[None]:
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
                await self._store([receipt for receipt, _ in batch])
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

    async def _store(self, receipts: Sequence[_Waiting]) -> None:
        if by_attempt := [each for each in receipts if isinstance(each, StoredReceipt)]:
            await store_receipts(self._pool, by_attempt)
        if by_part := [each for each in receipts if isinstance(each, PartReceipt)]:
            await store_part_receipts(self._pool, by_part)


def _part_receipt(
    carrier: str, receipt: Receipt, state: int, submitted: Submitted | None
) -> PartReceipt:
    reference = receipt.reference
    whole = submitted if submitted is not None and submitted.parts == 1 else None
    if submitted is not None and whole is None:
        # When another part of it was not answered, the message is in doubt, and has no parts yet.
        reference = message_reference(submitted.message_id, submitted.attempt)
    return PartReceipt(
        carrier,
        receipt.carrier_message_id,
        state,
        receipt.reason,
        _usable(receipt.carrier_code),
        _usable(receipt.recipient),
        reference if reference is not None and 0 <= reference <= LARGEST_REFERENCE else None,
        message_id=whole.message_id if whole else None,
        attempt=whole.attempt if whole else None,
        of_message=submitted.message_id if submitted is not None and whole is None else None,
    )


def _usable(text: str | None) -> str | None:
    return text if text is not None and is_usable(text) else None
