"""The circuit breaker of one carrier in one process: it stops asking a carrier that does not work.

| state     | calls        | an answer    | a failure of the carrier's                         |
|-----------|--------------|--------------|----------------------------------------------------|
| CLOSED    | as they come | stays        | OPEN after 10 in a row, when more than half of the |
|           |              |              | calls of the last minute failed (of 20 at least),  |
|           |              |              | or at once where the carrier refused our account   |
| OPEN      | none         | is too late  | is too late: it says nothing new                   |
| HALF_OPEN | one          | CLOSED       | OPEN for twice as long, at most a minute           |

OPEN becomes HALF_OPEN by itself when its time is over, after a second at first. A call counts only
in the state that it began in: what comes of the calls that were open when the carrier was given up
changes nothing.
"""

import time
from collections.abc import Callable
from enum import IntEnum

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Outcome, Refused
from outbound_sms.dispatch.recent_calls import RecentCalls

IN_A_ROW = 10
"""Failures one after the other that open it."""
FEWEST_CALLS = 20
"""Of fewer calls in a minute no share is told."""
SHARE = 0.5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class BreakerState(IntEnum):
    """The values are those of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Failing(IntEnum):
    """What an outcome says of the carrier: it answered, it failed, or it does not know us."""

    NO = 0
    YES = 1
    AT_ONCE = 2


def failing(outcome: Outcome) -> Failing:
    """Whether an outcome is the carrier's failure rather than an answer about the message.

    A refusal of our account says the same of every other message, so one is enough.
    """
    if isinstance(outcome, Accepted):
        return Failing.NO
    match outcome:
        case NotSent() | InDoubt() | Refused(reason="CARRIER.SYSTEM_ERROR"):
            return Failing.YES
        case Refused(reason=reason) if reason.startswith("ACCOUNT."):
            return Failing.AT_ONCE
        case _:
            return Failing.NO


class Breaker:
    """Counts the calls of one carrier; `on_change` hears of every new state.

    `clock` gives seconds that only grow. `first_pause` and `longest_pause` are how long it stays
    open, in seconds.
    """

    def __init__(
        self,
        on_change: Callable[[BreakerState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        first_pause: float = FIRST_PAUSE,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._state = BreakerState.CLOSED
        self._period = 0
        self._on_trial = False
        self._half_open_at = 0.0
        self.pause = first_pause
        """Seconds for which it opens, or opened last."""
        self._in_a_row = 0
        self._calls = RecentCalls()
        self._closed_at = float("-inf")

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._state is BreakerState.OPEN and self._clock() >= self._half_open_at:
            self._enter(BreakerState.HALF_OPEN)
        return self._state

    @property
    def may_call(self) -> bool:
        """Whether a call may begin now."""
        return self.state is BreakerState.CLOSED or (
            self._state is BreakerState.HALF_OPEN and not self._on_trial
        )

    @property
    def healthy(self) -> bool:
        """Whether it is closed and the last call did not fail."""
        return self._state is BreakerState.CLOSED and self._in_a_row == 0

    @property
    def failed_share(self) -> float:
        """The share of the calls of the last minute that failed, 0 to 1; of few calls, less."""
        calls, failures = self._calls.count(self._clock())
        return failures / max(calls, FEWEST_CALLS)

    def begin(self) -> int:
        """To be called when a call begins that may; what it gives goes to `end`."""
        self._on_trial = self._state is BreakerState.HALF_OPEN
        return self._period

    def end(self, begun: int, said: Failing) -> None:
        """The call has ended."""
        now = self._clock()
        failed = said is not Failing.NO
        self._calls.add(now, failed)
        if begun != self._period:
            return
        if self._state is BreakerState.HALF_OPEN:
            self._end_probe(now, failed)
            return
        if not failed:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if said is Failing.AT_ONCE or self._too_many(now):
            self.pause = self._first_pause
            self._open(now)

    def _end_probe(self, now: float, failed: bool) -> None:
        if failed:
            self.pause = min(2 * self.pause, self._longest_pause)
            self._open(now)
            return
        self._in_a_row = 0
        self._calls.split(now)
        self._closed_at = now
        self._enter(BreakerState.CLOSED)

    def _too_many(self, now: float) -> bool:
        if self._in_a_row >= IN_A_ROW:
            return True
        calls, failures = self._calls.count_since(now, self._closed_at)
        return calls >= FEWEST_CALLS and failures > SHARE * calls

    def _open(self, now: float) -> None:
        self._half_open_at = now + self.pause
        self._enter(BreakerState.OPEN)

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._period += 1
        self._on_trial = False
        self._on_change(state)
