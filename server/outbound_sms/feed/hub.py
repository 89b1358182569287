"""One process's memory of the feed's end: recent rows, within a bound, and who waits for more."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

from outbound_sms.feed.epoch import Epochs
from outbound_sms.store.feed import FeedRow

MOST_EVENTS = 50_000


class Subscription:
    """One reader of an instance's rows. Use as an async context manager, from one task.

    Wakes for every new row of the instance. While any subscription of an instance is open, recent
    rows of that instance are kept in memory.
    """

    def __init__(self, hub: "Hub", instance_id: UUID) -> None:
        self._hub = hub
        self.instance_id = instance_id
        self._woken = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._hub._add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hub._remove(self)

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109
        """Waits until the instance has a new row, the epoch changes or the server drains.

        True when that happened since the last wait, False after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """Ends the present or the next wait."""
        self._woken.set()

    def rows_after(self, pos: int) -> Sequence[FeedRow] | None:
        """The instance's rows after `pos` that are in memory; None when that is not all of them."""
        return self._hub._rows_after(self.instance_id, pos)


class _Ring:
    """Recent rows of one instance: all that the process has read with positions after `floor`."""

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.rows: deque[FeedRow] = deque()

    def restart(self, floor: int) -> None:
        self.floor = floor
        self.rows.clear()


class Hub:
    """Fans the rows that the process's one tailer reads out to its streams.

    Memory is bounded: the oldest rows go first, whosever they are. A stream that needs one that is
    gone reads it from the database, at its own pace; so a slow stream costs others nothing.
    """

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        self.most_events = most_events
        self._subscriptions: dict[UUID, set[Subscription]] = {}
        self._rings: dict[UUID, _Ring] = {}
        self._order: deque[FeedRow] = deque()
        self._events = 0
        self._head: int | None = None
        self._epochs: Epochs | None = None
        self._started = asyncio.Event()

    @property
    def head(self) -> int | None:
        """Up to where the process has read the feed; None until it has begun."""
        return self._head

    @property
    def epochs(self) -> Epochs | None:
        """The feed's epochs; None until they are known."""
        return self._epochs

    async def started(self, within: float) -> Epochs | None:
        """The epochs, which may take a moment; None when `within` seconds were not enough."""
        try:
            async with asyncio.timeout(within):
                await self._started.wait()
        except TimeoutError:
            return None
        return self._epochs

    def subscribe(self, instance_id: UUID) -> Subscription:
        """A subscription to one instance's rows, to be entered."""
        return Subscription(self, instance_id)

    @property
    def watched(self) -> Collection[UUID]:
        """The instances whose rows somebody wants."""
        return self._subscriptions.keys()

    def set_epochs(self, epochs: Epochs) -> None:
        """Takes over the epochs. After a change what lies after the new start is read again."""
        before, self._epochs = self._epochs, epochs
        self._started.set()
        if before is not None and before.current != epochs.current and self._head is not None:
            self.restart(epochs.rewound(self._head, before.current))
            self.wake_all()

    def restart(self, head: int) -> None:
        """Forgets all rows and goes on after `head`."""
        self._head = head
        self._order.clear()
        self._events = 0
        for ring in self._rings.values():
            ring.restart(head)

    def publish(self, rows: Sequence[FeedRow]) -> None:
        """Takes over the rows next after `head`, in order, and wakes who waits for them.

        Rows without events are of instances that nobody watched when they were read.
        """
        touched: set[UUID] = set()
        for row in rows:
            self._head = row.pos
            ring = self._rings.get(row.instance_id)
            if ring is None:
                continue
            touched.add(row.instance_id)
            if row.events is None:
                ring.restart(row.pos)
                continue
            ring.rows.append(row)
            self._order.append(row)
            self._events += len(row.events)
        self._evict()
        for instance_id in touched:
            for subscription in self._subscriptions.get(instance_id, ()):
                subscription.wake()

    def wake_all(self) -> None:
        """Ends the wait of every subscription."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.wake()

    def _evict(self) -> None:
        while self._events > self.most_events:
            oldest = self._order.popleft()
            self._events -= len(oldest.events or ())
            ring = self._rings.get(oldest.instance_id)
            # The ring may have been dropped and begun anew since the row came.
            if ring is not None and ring.rows and ring.rows[0] is oldest:
                ring.rows.popleft()
                ring.floor = oldest.pos

    def _rows_after(self, instance_id: UUID, pos: int) -> Sequence[FeedRow] | None:
        ring = self._rings.get(instance_id)
        if ring is None or self._head is None or pos < ring.floor:
            return None
        found: list[FeedRow] = []
        for row in reversed(ring.rows):
            if row.pos <= pos:
                break
            found.append(row)
        found.reverse()
        return found

    def _add(self, subscription: Subscription) -> None:
        self._subscriptions.setdefault(subscription.instance_id, set()).add(subscription)
        if subscription.instance_id not in self._rings:
            # Rows up to the head may have been read without their events.
            self._rings[subscription.instance_id] = _Ring(self._head or 0)

    def _remove(self, subscription: Subscription) -> None:
        subscriptions = self._subscriptions[subscription.instance_id]
        subscriptions.discard(subscription)
        if not subscriptions:
            del self._subscriptions[subscription.instance_id]
            del self._rings[subscription.instance_id]
