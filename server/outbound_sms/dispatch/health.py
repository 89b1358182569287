"""Whether a carrier may be called now, by its breaker and by what it asked for."""

import time
from collections.abc import Callable

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import NotSent, Outcome, Refused
from outbound_sms.dispatch.breaker import Breaker, BreakerState, Failing, failing

log = structlog.get_logger(__name__)


class CarrierHealth:
    """What this process knows of one carrier. `on_open` is called when its breaker opens.

    `pauses` are the first and the longest time that it stays open, in seconds; `clock` gives
    seconds that only grow.
    """

    def __init__(
        self,
        carrier: str,
        on_open: Callable[[], None],
        *,
        pauses: tuple[float, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._carrier = carrier
        self._on_open = on_open
        self._clock = clock
        self._resume_at = 0.0
        self._state = metrics.BREAKER_STATE.labels(carrier)
        self._state.set(BreakerState.CLOSED)
        self._failures = metrics.CARRIER_FAILURES.labels(carrier)
        self._breaker = Breaker(
            self._changed, clock=clock, first_pause=pauses[0], longest_pause=pauses[1]
        )

    @property
    def throttled_for(self) -> float:
        """Seconds for which it asked to be left alone; 0 when that is over."""
        return max(0.0, self._resume_at - self._clock()) if self._resume_at else 0.0

    @property
    def works(self) -> bool:
        """Whether its breaker is closed."""
        return self._breaker.state is BreakerState.CLOSED

    @property
    def free(self) -> bool:
        """Whether it works and has not asked us to slow down."""
        return self.works and self.throttled_for == 0

    @property
    def healthy(self) -> bool:
        """Whether it is free and its last call did not fail."""
        return self.free and self._breaker.healthy

    @property
    def may_call(self) -> bool:
        """Whether a call may begin: it is free, or one call may find out if it works again."""
        return self._breaker.may_call and self.throttled_for == 0

    @property
    def failed_share(self) -> float:
        """The share of its calls of the last minute that failed, 0 to 1."""
        return self._breaker.failed_share

    def begin(self) -> int:
        """To be called when a call begins that may; what it gives goes to `end`."""
        return self._breaker.begin()

    def end(self, begun: int, outcome: Outcome) -> bool:
        """Takes note of an outcome. Returns whether a message that surely was not sent has used up
        a try: not by a failure of a carrier that is down, which one that nothing reaches is from
        the second time on."""
        said = failing(outcome)
        if said is Failing.NO:
            self._breaker.end(begun, said)
            return True
        was_closed = self.works
        uses_try = was_closed and (not isinstance(outcome, NotSent) or self._breaker.healthy)
        self._failures.inc()
        self._breaker.end(begun, said)
        if said is Failing.AT_ONCE and was_closed and isinstance(outcome, Refused):
            log.error(
                "carrier refuses our account",
                action="submit",
                carrier=self._carrier,
                reason=outcome.reason,
                carrier_code=outcome.carrier_code,
                hint="correct its credentials or the account and restart; its messages wait",
            )
        return uses_try

    def slow_down(self, seconds: float) -> None:
        """Nothing may be handed to it for so long."""
        self._resume_at = self._clock() + seconds

    def _changed(self, state: BreakerState) -> None:
        self._state.set(state)
        match state:
            case BreakerState.OPEN:
                log.warning(
                    "carrier does not work",
                    action="breaker_open",
                    carrier=self._carrier,
                    pause=self._breaker.pause,
                )
                self._on_open()
            case BreakerState.HALF_OPEN:
                log.info("carrier is tried", action="breaker_half_open", carrier=self._carrier)
            case BreakerState.CLOSED:
                log.warning("carrier works again", action="breaker_close", carrier=self._carrier)
