"""A carrier without a network, for benchmarks only: accepts everything, delivers it at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from outbound_sms.carriers.carrier import (
    Accepted,
    CannotTell,
    Capabilities,
    LookUp,
    Outcome,
    Receipt,
    ReceiptState,
    Submission,
)

OnReceipts = Callable[[Sequence[Receipt]], Awaitable[None]]


class NullCarrier:
    """Measures everything but the carrier. Never configured for real sending numbers.

    `on_receipts` is awaited with the Delivered receipts of all messages that were submitted since
    the event loop last came round, so a receipt may overtake the caller's record of its submission.
    """

    def __init__(self, on_receipts: OnReceipts, *, name: str = "null") -> None:
        self._name = name
        self._on_receipts = on_receipts
        self._pending: list[Receipt] = []
        self._deliveries: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            lookup=False, idempotency_key=True, receipts=True, calls=4, longest_call=0.0
        )

    async def submit(self, submission: Submission) -> Outcome:
        """Accepts. The id is made of the message's own, so submitting it again changes nothing."""
        carrier_message_id = f"null-{submission.message_id.hex}"
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._pending.append(Receipt(carrier_message_id, ReceiptState.DELIVERED))
        return Accepted(carrier_message_id, submission.segments)

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        return CannotTell("the null carrier keeps no messages")

    async def close(self) -> None:
        """Waits until every receipt was handed over. Raises what `on_receipts` raised."""
        self._deliver()
        if self._deliveries:
            await asyncio.gather(*self._deliveries)

    def _deliver(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        task = asyncio.ensure_future(self._hand_over(batch))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _hand_over(self, batch: Sequence[Receipt]) -> None:
        await self._on_receipts(batch)
