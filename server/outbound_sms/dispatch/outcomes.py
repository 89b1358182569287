"""What follows from a carrier's answer: settled, given back to the queue, or in doubt."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from outbound_sms import metrics
from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Throttled,
)
from outbound_sms.dispatch.settler import Settler
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.domain.retry import gives_up, may_be_tried_again, pause_seconds
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack, Settled

LONGEST_THROTTLE = 60.0
_SUBMITTED = {
    outcome: metrics.MESSAGES_SUBMITTED.labels(outcome.__name__)
    for outcome in (Accepted, Refused, Throttled, NotSent, InDoubt)
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a hand-over came to nothing, as it is kept with the attempt."""

    outcome: AttemptOutcome
    reason: str | None
    code: str | None


def throttle_seconds(throttled: Throttled) -> float:
    """For how many seconds the carrier is left alone."""
    return min(max(throttled.retry_after, 0.1), LONGEST_THROTTLE)


class Outcomes:
    """The outcomes of one carrier's messages, on their way to the settler.

    `suppress` is told the numbers that have opted out; `on_settled` is called for every message
    when its outcome is committed.
    """

    def __init__(
        self,
        carrier: str,
        settler: Settler,
        *,
        suppress: Callable[[str], None],
        on_settled: Callable[[], None],
    ) -> None:
        self._carrier = carrier
        self._settler = settler
        self._suppress = suppress
        self._on_settled = on_settled
        self._chance = random.Random()

    def not_begun(self, message: Claimed, pause: float = 0.0) -> None:
        """Gives back a message whose call was never made, due again in `pause` seconds."""
        failure = _Failure(AttemptOutcome.NONE, None, None)
        self._give_back(message, failure, pause=pause, failures=0)

    def settle(
        self, message: Claimed, outcome: Outcome, *, uses_try: bool, elsewhere: bool
    ) -> None:
        """Passes on the outcome.

        Of a message that surely was not sent and may be tried again: `uses_try`, whether this was
        one of its tries; `elsewhere`, whether another carrier of its number is in good health.
        """
        _SUBMITTED[type(outcome)].inc()
        match outcome:
            case Accepted(carrier_message_id=found, parts=parts):
                self._end(
                    message,
                    MessageStatus.SENT,
                    AttemptOutcome.ACCEPTED,
                    carrier_message_id=found,
                    parts=parts,
                )
            case Refused(reason=reason, carrier_code=code, suppress=suppress):
                if suppress:
                    self._suppress(message.phone)
                if may_be_tried_again(reason):
                    failure = _Failure(AttemptOutcome.REFUSED, reason, code)
                    self._retry(message, failure, uses_try=uses_try, elsewhere=elsewhere)
                else:
                    self._fail(message, _Failure(AttemptOutcome.REFUSED, reason, code))
            case Throttled(carrier_code=code):
                pause = 0.0 if elsewhere else throttle_seconds(outcome)
                failure = _Failure(AttemptOutcome.THROTTLED, None, code)
                self._give_back(message, failure, pause=pause, failures=0)
            case NotSent():
                failure = _Failure(AttemptOutcome.NOT_SENT, "CARRIER.SYSTEM_ERROR", None)
                self._retry(message, failure, uses_try=uses_try, elsewhere=elsewhere)
            case InDoubt():
                self._settler.add((message.message_id, message.fence), self._on_settled)
            case _:
                assert_never(outcome)

    def _retry(
        self, message: Claimed, failure: _Failure, *, uses_try: bool, elsewhere: bool
    ) -> None:
        failures = message.failures + uses_try
        if uses_try and gives_up(failures):
            self._fail(message, failure)
            return
        # At once to another carrier, but not from that one to a third, or back: it backs off then.
        at_once = elsewhere and message.last_carrier is None
        pause = 0.0 if at_once else pause_seconds(max(failures, 1), self._chance)
        self._give_back(message, failure, pause=pause, failures=int(uses_try))

    def _fail(self, message: Claimed, failure: _Failure) -> None:
        self._end(
            message,
            MessageStatus.FAILED,
            failure.outcome,
            reason=failure.reason,
            carrier_code=failure.code,
        )

    def _end(
        self,
        message: Claimed,
        status: MessageStatus,
        outcome: AttemptOutcome,
        *,
        reason: str | None = None,
        carrier_message_id: str | None = None,
        carrier_code: str | None = None,
        parts: tuple[str, ...] = (),
    ) -> None:
        settled = Settled(
            message.message_id,
            message.fence,
            status,
            reason,
            self._carrier,
            outcome,
            carrier_message_id,
            carrier_code,
            parts,
        )
        self._settler.add(settled, self._on_settled)

    def _give_back(
        self, message: Claimed, failure: _Failure, *, pause: float, failures: int
    ) -> None:
        given_back = GivenBack(
            message.message_id,
            message.fence,
            pause,
            failures,
            self._carrier,
            failure.outcome,
            failure.reason,
            failure.code,
        )
        self._settler.add(given_back, self._on_settled)
