"""The submissions of one session that wait for their answers, by sequence number."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from outbound_sms.carriers.carrier import InDoubt, Outcome, Submitted

LATE_KEPT = 1_000
"""Submissions whose answer may still come, long after anybody waits for it."""


@dataclass(slots=True)
class Waiting:
    """A submission that was written. `expires` is of the event loop."""

    submitted: Submitted
    recipient: str
    expires: float
    outcome: asyncio.Future[Outcome]

    def settle(self, outcome: Outcome) -> None:
        """Tells whoever waits, if somebody still does."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Window:
    """At most `size` submissions at a time; each is answered, or given up after `timeout` seconds,
    or all of them at once when the connection ends."""

    def __init__(self, size: int, timeout: float, on_timeout: Callable[[], None]) -> None:
        self._size = size
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._waiting: dict[int, Waiting] = {}
        self._late: dict[int, Submitted] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._queue: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """True while nothing may be written before an answer comes."""
        return len(self._waiting) >= self._size

    def add(self, sequence: int, submitted: Submitted, recipient: str) -> Waiting:
        """A submission that is written now."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(submitted, recipient, loop.time() + self._timeout, loop.create_future())
        self._waiting[sequence] = waiting
        if self._timer is None:
            self._timer = loop.call_at(waiting.expires, self._expire)
        if not self.full:
            # Only one was woken, and there may have been room for more.
            self.let_in()
        return waiting

    def take(self, sequence: int) -> Waiting | None:
        """The submission that an answer is for, which waits no longer."""
        waiting = self._waiting.pop(sequence, None)
        self.let_in()
        return waiting

    def take_late(self, sequence: int) -> Submitted | None:
        """What an answer is for that nobody waits for any more."""
        return self._late.pop(sequence, None)

    def holds(self, recipient: str) -> bool:
        """True while a submission to this number waits."""
        return any(waiting.recipient == recipient for waiting in self._waiting.values())

    async def room(self, until: float) -> None:
        """Returns at the next moment at which there may be room, at `until` at the latest."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._queue.append(turn)
        timer = loop.call_at(until, _wake, turn)
        try:
            await turn
        finally:
            timer.cancel()

    def let_in(self) -> None:
        """Wakes whoever waits longest for room."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def end(self) -> int:
        """Gives up all that wait, and wakes all that want in. Returns how many were given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lost, self._waiting = self._waiting, {}
        for waiting in lost.values():
            waiting.settle(InDoubt("the connection ended before the answer"))
        while self._queue:
            _wake(self._queue.popleft())
        return len(lost)

    def _expire(self) -> None:
        # They were written in this order, and all wait equally long.
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        while self._waiting:
            sequence, waiting = next(iter(self._waiting.items()))
            if waiting.expires > now:
                self._timer = loop.call_at(waiting.expires, self._expire)
                return
            del self._waiting[sequence]
            self._late[sequence] = waiting.submitted
            if len(self._late) > LATE_KEPT:
                del self._late[next(iter(self._late))]
            waiting.settle(InDoubt("no answer in time"))
            self._on_timeout()
            self.let_in()


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
