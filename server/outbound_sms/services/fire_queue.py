"""Events that come at the same time are fired together, and so share the cost of a commit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from outbound_sms.domain.errors import LimitExceeded, Reason
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.services.fire_batch import Answer
from outbound_sms.store.tenant import set_tenant

MOST_EVENTS = 256
MOST_WAITING = 4_096
STREAM_REQUESTS = 16
# While one waits for the database, another is planned.
BATCHES_AT_ONCE = 2

Fire = Callable[[UUID, Sequence[TriggerEvent]], Awaitable[Sequence[Answer]]]


@dataclass(frozen=True, slots=True)
class _Call:
    """Events of one caller, and where their answers go."""

    events: Sequence[TriggerEvent]
    answers: "asyncio.Future[Sequence[Answer]]"


@dataclass(slots=True)
class _Line:
    """The calls of one instance that wait for a batch; `events` are theirs in all."""

    calls: deque[_Call] = field(default_factory=deque)
    events: int = 0
    batches: int = 0
    streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STREAM_REQUESTS))


class FireQueue:
    """Gathers the events of an instance while a batch of it is under way.

    No timer: a call that finds nothing under way goes at once. A batch has at most `most_events`,
    unless a single call has more; when as many wait, they go beside the one under way, because
    small batches cost more than they gain. No instance waits for another.
    """

    def __init__(
        self, fire: Fire, *, most_events: int = MOST_EVENTS, most_waiting: int = MOST_WAITING
    ) -> None:
        """`fire` fires a batch; it runs in a task of this object, which serves the instance."""
        self._fire = fire
        self._most_events = most_events
        self._most_waiting = most_waiting
        self._lines: dict[UUID, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def fire(self, instance_id: UUID, events: Sequence[TriggerEvent]) -> Sequence[Answer]:
        """What each event came to. A caller that leaves takes no other along.

        Raises LimitExceeded when too many wait already, and what the batch fails with.
        """
        line = self._line(instance_id)
        if line.events + len(events) > self._most_waiting:
            raise LimitExceeded(
                Reason.LIMIT_EXCEEDED,
                f"More than {self._most_waiting} events wait; repeat after the delay.",
                retry_after=1.0,
                limit="events_waiting",
            )
        call = _Call(events, asyncio.get_running_loop().create_future())
        line.calls.append(call)
        line.events += len(events)
        if line.batches == 0 or (
            line.batches < BATCHES_AT_ONCE and line.events >= self._most_events
        ):
            line.batches += 1
            # In no caller's context, because it works for all of them.
            task = asyncio.create_task(self._run(instance_id, line), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await call.answers

    async def fire_in_turn(
        self, instance_id: UUID, events: Sequence[TriggerEvent]
    ) -> Sequence[Answer]:
        """The same for a request of a stream, which first waits for its turn among the requests of
        all streams of the instance: so they leave room for single calls, which pass them.
        """
        async with self._line(instance_id).streams:
            return await self.fire(instance_id, events)

    def _line(self, instance_id: UUID) -> _Line:
        return self._lines.setdefault(instance_id, _Line())

    async def _run(self, instance_id: UUID, line: _Line) -> None:
        set_tenant(instance_id)
        try:
            while calls := self._take(line):
                await self._answer(instance_id, calls)
        finally:
            # In the same step in which it found nothing to take: whoever comes now starts another.
            line.batches -= 1

    def _take(self, line: _Line) -> list[_Call]:
        """The calls of the next batch; none while another is under way, unless this one is full.

        Calls whose callers have left are dropped.
        """
        taken: list[_Call] = []
        room = self._most_events
        if line.batches > 1 and line.events < room:
            return taken
        while line.calls and (not taken or len(line.calls[0].events) <= room):
            call = line.calls.popleft()
            line.events -= len(call.events)
            if not call.answers.done():
                taken.append(call)
                room -= len(call.events)
        return taken

    async def _answer(self, instance_id: UUID, calls: Sequence[_Call]) -> None:
        try:
            answers = await self._fire(
                instance_id, [event for call in calls for event in call.events]
            )
        except Exception as error:
            for call in calls:
                if not call.answers.done():
                    call.answers.set_exception(error)
            return
        left = iter(answers)
        for call in calls:
            own = list(islice(left, len(call.events)))
            if not call.answers.done():
                call.answers.set_result(own)
